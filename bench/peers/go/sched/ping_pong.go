// SPDX-License-Identifier: MIT

// ping_pong.go - two goroutines and two unbuffered channels, the plainest Go there is: an
// unbuffered channel hands the value to the receiver that waits and makes it run next.
package main

import "time"

func pingPong(count int) uint64 {
	ping, pong := make(chan int), make(chan int)
	result := make(chan uint64)
	go func() {
		for i := range ping {
			pong <- i + 1
		}
	}()
	start := time.Now()
	go func() {
		var trips uint64
		for i := 0; i < count; i++ {
			ping <- i
			if <-pong == i+1 {
				trips++
			}
		}
		result <- trips
	}()
	trips := <-result
	figure("round trip", "ns", nsSince(start, count))
	close(ping)
	return trips
}
