// SPDX-License-Identifier: MIT

// chan_batch.go - chan_1to1.go with a receiver that takes what is there, up to 64 items at once. Go
// has no call for that: it receives one, and more in a select with a default until that is taken.
package main

const batch = 64

// receiveBatch appends what is there to the items, and waits for the first; none: it is closed.
func receiveBatch(from <-chan int, items []int) []int {
	item, open := <-from
	for open {
		items = append(items, item)
		if len(items) == batch {
			break
		}
		select {
		case item, open = <-from:
		default:
			return items
		}
	}
	return items
}

func chanBatch(count int) uint64 {
	return flow(make(chan int, room), 1, count, func(from <-chan int) uint64 {
		var sum uint64
		items := make([]int, 0, batch)
		for items = receiveBatch(from, items); len(items) > 0; items = receiveBatch(from, items[:0]) {
			for _, item := range items {
				sum += uint64(item)
			}
		}
		return sum
	})
}
