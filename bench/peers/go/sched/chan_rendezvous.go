// SPDX-License-Identifier: MIT

// chan_rendezvous.go - an unbuffered channel between two goroutines, Go's plainest.
package main

func chanRendezvous(count int) uint64 {
	return flow(make(chan int), 1, count, receive)
}
