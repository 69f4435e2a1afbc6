// SPDX-License-Identifier: MIT

// together.go - what the workloads of locks share: many goroutines at the same work.
package main

import (
	"sync"
	"time"
)

const tasks = 1000

// share is the part of count that falls to a task of so many.
func share(count, task int) int {
	n := count / tasks
	if task < count%tasks {
		n++
	}
	return n
}

// together runs work in n goroutines, with their numbers, until the last has ended; it adds up what
// they return.
func together(n int, work func(number int) uint64) uint64 {
	var done sync.WaitGroup
	sums := make([]uint64, n)
	done.Add(n)
	for i := range sums {
		go func(i int) {
			sums[i] = work(i)
			done.Done()
		}(i)
	}
	done.Wait()
	var sum uint64
	for _, part := range sums {
		sum += part
	}
	return sum
}

// measured is work with a figure for each of n operations.
func measured(name string, n int, work func() uint64) uint64 {
	start := time.Now()
	sum := work()
	figure(name, "ns", nsSince(start, n))
	return sum
}
