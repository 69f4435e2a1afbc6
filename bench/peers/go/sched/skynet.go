// SPDX-License-Identifier: MIT

// skynet.go - the well-known program (github.com/atemerev/skynet) as it stands there for Go: each
// node makes an unbuffered channel, starts ten goroutines that send their sums to it, and adds
// them up in the order of their arrival.
package main

import "time"

func node(c chan int, num, size, div int) {
	if size == 1 {
		c <- num
		return
	}
	rc := make(chan int)
	var sum int
	for i := 0; i < div; i++ {
		subNum := num + i*(size/div)
		go node(rc, subNum, size/div, div)
	}
	for i := 0; i < div; i++ {
		sum += <-rc
	}
	c <- sum
}

func skynet(count int) uint64 {
	for size := count; size > 1; size /= 10 {
		if size%10 != 0 {
			fail("skynet: the count must be a power of ten")
		}
	}
	c := make(chan int)
	start := time.Now()
	go node(c, 0, count, 10)
	sum := <-c
	figure("tree", "ms", float64(time.Since(start))/1e6)
	return uint64(sum)
}
