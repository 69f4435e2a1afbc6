// SPDX-License-Identifier: MIT

// chan_1to1.go - a buffered channel between two goroutines, and range over it.
package main

func chan1to1(count int) uint64 {
	return flow(make(chan int, room), 1, count, receive)
}
