// SPDX-License-Identifier: MIT

// flat_spawn.go - a goroutine for each task; its handle is a channel with room for the result,
// which is what Go has in place of a future. All are kept in a slice and received from in order.
package main

import "time"

func flatSpawn(count int) uint64 {
	handles := make([]chan int, count)
	for i := range handles {
		handles[i] = nil // The slice's pages are there before the clock starts.
	}
	sum := 0
	start := time.Now()
	for i := range handles {
		handle := make(chan int, 1)
		handles[i] = handle
		go func(i int) { handle <- i }(i)
	}
	for _, handle := range handles {
		sum += <-handle
	}
	figure("task", "ns", nsSince(start, count))
	return uint64(sum)
}
