// SPDX-License-Identifier: MIT

// barrier_100.go - Go has no barrier; what its users write is a count under a sync.Mutex and a
// sync.Cond, whose Broadcast wakes all when the last has come.
package main

import (
	"sync"
	"sync/atomic"
)

const parties = 100

type barrier struct {
	mutex   sync.Mutex
	met     *sync.Cond
	missing int
	meeting uint64
}

func (b *barrier) wait() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.missing--
	if b.missing == 0 {
		b.missing = parties
		b.meeting++
		b.met.Broadcast()
		return
	}
	for meeting := b.meeting; meeting == b.meeting; {
		b.met.Wait()
	}
}

func barrier100(count int) uint64 {
	b := barrier{missing: parties}
	b.met = sync.NewCond(&b.mutex)
	var at [parties]uint64 // the meeting that each has come to
	return measured("part", parties*count, func() uint64 {
		return together(parties, func(number int) uint64 {
			var inStep uint64
			for n := uint64(1); n <= uint64(count); n++ {
				atomic.StoreUint64(&at[number], n)
				b.wait()
				if atomic.LoadUint64(&at[(number+1)%parties]) >= n {
					inStep++
				}
			}
			return inStep
		})
	})
}
