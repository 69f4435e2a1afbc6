// SPDX-License-Identifier: MIT

// timeout.go - context.WithTimeout and its cancel around work that asks for the context's Err in the
// end: nothing, and a Gosched of two goroutines in turns. Whatever it is around, a context starts a
// timer at once. Its parent is the background, which costs less than a request's context, in whose
// children it would be entered. GOMAXPROCS is 1 whatever is asked for (see yield.go).
package main

import (
	"context"
	"runtime"
	"time"
)

const limit = 10 * time.Second

func aroundNothing(count int) uint64 {
	var sum uint64
	for i := 0; i < count; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		if ctx.Err() == nil {
			sum += uint64(i)
		}
		cancel()
	}
	return sum
}

func aroundYields(count int) uint64 {
	var sum uint64
	for i := 0; i < count; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		runtime.Gosched()
		if ctx.Err() == nil {
			sum += uint64(i)
		}
		cancel()
	}
	return sum
}

func timeout(count int) uint64 {
	runtime.GOMAXPROCS(1)
	start := time.Now()
	sum := aroundNothing(count)
	figure("nothing", "ns", nsSince(start, count))
	sums := make(chan uint64)
	start = time.Now()
	for i := 0; i < 2; i++ {
		go func() { sums <- aroundYields(count) }()
	}
	sum += <-sums
	sum += <-sums
	figure("a yield", "ns", nsSince(start, 2*count))
	return sum
}
