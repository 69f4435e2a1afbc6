// SPDX-License-Identifier: MIT

// mutex.go - a sync.Mutex around a counter, of one goroutine and of 1,000. There is no defer, as
// around so little there would not be.
package main

import "sync"

type counter struct {
	mutex sync.Mutex
	n     uint64
}

func (c *counter) lockOften(times int) {
	for ; times > 0; times-- {
		c.mutex.Lock()
		c.n++
		c.mutex.Unlock()
	}
}

func mutex(count int) uint64 {
	var alone, shared counter
	measured("uncontended", count, func() uint64 {
		alone.lockOften(count)
		return 0
	})
	measured("1000 tasks", count, func() uint64 {
		return together(tasks, func(task int) uint64 {
			shared.lockOften(share(count, task))
			return 0
		})
	})
	return alone.n + shared.n
}
