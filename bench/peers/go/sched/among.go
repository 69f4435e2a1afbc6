// SPDX-License-Identifier: MIT

// among.go - what select_2.go and select_8.go share: buffered channels with a goroutine for each,
// which sends its part of the numbers below count, and one that receives them all.
package main

import "time"

// among runs one select at a time, count times.
func among(n, count int, selectOne func(from []chan int) int) uint64 {
	from := make([]chan int, n)
	for i := range from {
		from[i] = make(chan int, room)
	}
	start := time.Now()
	for i := range from {
		go deal(from[i], i, n, count)
	}
	var sum uint64
	for i := 0; i < count; i++ {
		sum += uint64(selectOne(from))
	}
	figure("item", "ns", nsSince(start, count))
	return sum
}
