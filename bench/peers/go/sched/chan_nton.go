// SPDX-License-Identifier: MIT

// chan_nton.go - a buffered channel, four goroutines that send and four that range over it.
package main

func chanNton(count int) uint64 {
	return flow(make(chan int, room), 4, count, receive)
}
