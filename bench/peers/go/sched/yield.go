// SPDX-License-Identifier: MIT

// yield.go - two goroutines call runtime.Gosched in turns, which puts the caller at the end of the
// queue. GOMAXPROCS is 1 whatever is asked for: with more there would be nobody to yield to.
package main

import (
	"runtime"
	"sync"
	"time"
)

func yield(count int) uint64 {
	runtime.GOMAXPROCS(1)
	var done sync.WaitGroup
	var yields [2]uint64
	done.Add(2)
	start := time.Now()
	for i := range yields {
		go func(i int) {
			defer done.Done()
			for k := 0; k < count; k++ {
				runtime.Gosched()
				yields[i]++
			}
		}(i)
	}
	done.Wait()
	figure("yield", "ns", nsSince(start, 2*count))
	return yields[0] + yields[1]
}
