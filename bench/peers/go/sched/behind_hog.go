// SPDX-License-Identifier: MIT

// behind_hog.go - a goroutine starts another and then computes for 10 ms. What it started last is
// the next that its own P runs, and another P may take that only after some time.
package main

import "time"

func behindHog(count int) uint64 {
	latencyUs := make([]float64, count)
	started := make(chan time.Time, 1)
	for i := range latencyUs {
		made := time.Now()
		go func() { started <- time.Now() }()
		for time.Since(made) < 10*time.Millisecond {
		}
		latencyUs[i] = float64((<-started).Sub(made)) / 1e3
	}
	figure("p50", "us", percentile(latencyUs, 0.5))
	figure("p99", "us", percentile(latencyUs, 0.99))
	return uint64(count)
}
