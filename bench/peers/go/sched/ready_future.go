// SPDX-License-Identifier: MIT

// ready_future.go - Go has no futures; a channel with room for one value is what is used in their
// place. It is made, sent to and received from; the garbage collector, whose work falls into the
// same time, frees it. A channel is always made on the heap, also where it does not leave its
// function.
package main

import "time"

func readyFuture(count int) uint64 {
	sum := 0
	start := time.Now()
	for i := 0; i < count; i++ {
		future := make(chan int, 1)
		future <- i
		sum += <-future
	}
	figure("future", "ns", nsSince(start, count))
	return uint64(sum)
}
