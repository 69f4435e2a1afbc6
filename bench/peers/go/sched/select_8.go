// SPDX-License-Identifier: MIT

// select_8.go - a select with eight cases.
package main

func selectOf8(from []chan int) int {
	var item int
	select {
	case item = <-from[0]:
	case item = <-from[1]:
	case item = <-from[2]:
	case item = <-from[3]:
	case item = <-from[4]:
	case item = <-from[5]:
	case item = <-from[6]:
	case item = <-from[7]:
	}
	return item
}

func select8(count int) uint64 {
	return among(8, count, selectOf8)
}
