// SPDX-License-Identifier: MIT

// fork_join.go - fib by goroutines, without a cut-off: each call starts a goroutine for fib(n-1),
// computes fib(n-2) itself and receives the other's result from a channel with room for one, so
// that the sender never waits. That is how Go's users return a value from a goroutine; a
// WaitGroup beside a captured variable allocates as much and takes as long.
package main

import "time"

func fib(n int) int {
	if n < 2 {
		return n
	}
	other := make(chan int, 1)
	go func() { other <- fib(n - 1) }()
	mine := fib(n - 2)
	return mine + <-other
}

func serialFib(n int) int {
	a, b := 0, 1
	for ; n > 0; n-- {
		a, b = b, a+b
	}
	return a
}

func forkJoin(n int) uint64 {
	start := time.Now()
	result := fib(n)
	figure("spawn+join", "ns", nsSince(start, serialFib(n+1)-1))
	return uint64(result)
}
