// SPDX-License-Identifier: MIT

// select_2.go - a select with two cases.
package main

func selectOf2(from []chan int) int {
	var item int
	select {
	case item = <-from[0]:
	case item = <-from[1]:
	}
	return item
}

func select2(count int) uint64 {
	return among(2, count, selectOf2)
}
