// SPDX-License-Identifier: MIT

// parallel_for.go - Go has no parallel loop: its users cut the range into one part for each worker
// and give a goroutine each. That is the fastest way to do it when all elements take equally long,
// as here, and balances nothing when they do not. The array's pages are there before the clock
// starts.
package main

import (
	"runtime"
	"sync"
	"time"
)

func parallelFor(count int) uint64 {
	a := make([]uint64, count)
	for i := range a {
		a[i] = 1
	}
	parts := runtime.GOMAXPROCS(0)
	var done sync.WaitGroup
	done.Add(parts)
	start := time.Now()
	for p := 0; p < parts; p++ {
		go func(from, to int) {
			defer done.Done()
			for i := from; i < to; i++ {
				a[i] = uint64(i) * 2654435761
			}
		}(count*p/parts, count*(p+1)/parts)
	}
	done.Wait()
	figure("chunk", "ns", nsSince(start, count))
	var sum uint64
	for _, value := range a {
		sum += value
	}
	return sum
}
