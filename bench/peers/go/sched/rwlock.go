// SPDX-License-Identifier: MIT

// rwlock.go - a sync.RWMutex around two words, of one goroutine that reads and of 1,000 of whose 20
// operations one writes; these without and with a Gosched while they hold it. A writer that comes
// keeps out readers that come later, and when it has gone all of those go before the next writer.
package main

import (
	"runtime"
	"sync"
)

const ofWhichOneWrites = 20

type pair struct {
	lock   sync.RWMutex
	yields bool
	a, b   uint64
}

func one(same bool) uint64 {
	if same {
		return 1
	}
	return 0
}

func (p *pair) readOnce() uint64 {
	p.lock.RLock()
	a := p.a
	if p.yields {
		runtime.Gosched()
	}
	same := a == p.b
	p.lock.RUnlock()
	return one(same)
}

func (p *pair) writeOnce() uint64 {
	p.lock.Lock()
	p.a++
	if p.yields {
		runtime.Gosched()
	}
	p.b++
	same := p.a == p.b
	p.lock.Unlock()
	return one(same)
}

func (p *pair) readAndWrite(count int) uint64 {
	return together(tasks, func(task int) uint64 {
		var sum uint64
		for i := 0; i < share(count, task); i++ {
			if (task+i)%ofWhichOneWrites != 0 {
				sum += p.readOnce()
			} else {
				sum += p.writeOnce()
			}
		}
		return sum
	})
}

func rwlock(count int) uint64 {
	var p pair
	sum := measured("read", count, func() uint64 {
		var same uint64
		for i := 0; i < count; i++ {
			same += p.readOnce()
		}
		return same
	})
	sum += measured("1000 tasks", count, func() uint64 { return p.readAndWrite(count) })
	p.yields = true
	sum += measured("over a yield", count, func() uint64 { return p.readAndWrite(count) })
	return sum
}
