// SPDX-License-Identifier: MIT

// channel.go - what the workloads of channels share: goroutines that send the numbers below count,
// dealt out among them, and then close the channel; goroutines that receive until it is closed.
package main

import (
	"sync"
	"time"
)

const room = 128

// deal sends every n-th number from the first on.
func deal(items chan<- int, first, n, count int) {
	for i := first; i < count; i += n {
		items <- i
	}
}

// receive is a receiver that takes one item after the other, until the channel is closed.
func receive(items <-chan int) uint64 {
	var sum uint64
	for item := range items {
		sum += uint64(item)
	}
	return sum
}

// flow runs so many senders and so many receivers, and has the figure and the sum of all items.
func flow(items chan int, ends, count int, receiver func(<-chan int) uint64) uint64 {
	var sending sync.WaitGroup
	sums := make(chan uint64)
	start := time.Now()
	sending.Add(ends)
	for i := 0; i < ends; i++ {
		go func() { sums <- receiver(items) }()
		go func(i int) {
			deal(items, i, ends, count)
			sending.Done()
		}(i)
	}
	sending.Wait()
	close(items)
	var sum uint64
	for i := 0; i < ends; i++ {
		sum += <-sums
	}
	figure("item", "ns", nsSince(start, count))
	return sum
}
