// SPDX-License-Identifier: MIT

// sleepers.go - a goroutine for each sleeper, which calls time.Sleep once. Its deadline is the
// time before that call and the call's argument; each writes its lateness to its own place in a
// slice. CPU counts from before the first goroutine until after the last has ended.
package main

import (
	"sync"
	"time"
)

func sleepers(count int) uint64 {
	seed := random(1)
	lateMs := make([]float64, count)
	var awake sync.WaitGroup
	before := cpu()
	awake.Add(count)
	for i := 0; i < count; i++ {
		go func(i int, length time.Duration) {
			deadline := time.Now().Add(length)
			time.Sleep(length)
			lateMs[i] = float64(time.Since(deadline)) / 1e6
			awake.Done()
		}(i, time.Duration(seed.next()%uint64(time.Second)))
	}
	awake.Wait()
	figure("cpu", "s", (cpu() - before).Seconds())
	var sum uint64
	for _, late := range lateMs {
		if late >= 0 {
			sum++
		}
	}
	figure("late p99", "ms", percentile(lateMs, 0.99))
	return sum
}
