// SPDX-License-Identifier: MIT

// waiters.go - count goroutines wait at a semaphore that is a channel with room for one (see
// semaphore.go), and one more has it: it gives it back, which lets the first of them take it, and
// waits behind all others. 200,000 times.
package main

import (
	"sync/atomic"
	"time"
)

const wakes = 200000

func waiters(count int) uint64 {
	s := make(semaphoreOf, 1)
	var standing int32
	var start time.Time
	left := wakes
	s.take()
	go func() {
		for int(atomic.LoadInt32(&standing)) <= count {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond) // None is on its way to its wait any more.
		start = time.Now()
		s.give()
	}()
	return together(count+1, func(int) uint64 {
		var woken uint64
		atomic.AddInt32(&standing, 1)
		for over := false; !over; {
			s.take()
			if over = left == 0; !over {
				woken++
				if left--; left == 0 {
					figure("wake", "ns", nsSince(start, wakes))
				}
			}
			s.give()
		}
		return woken
	})
}
