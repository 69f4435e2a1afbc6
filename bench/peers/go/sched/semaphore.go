// SPDX-License-Identifier: MIT

// semaphore.go - a channel with room for ten, which is Go's semaphore: a send takes a permit, a
// receive gives it back. One goroutine, and 1,000 of them that hold it over a Gosched. (The
// semaphore of golang.org/x/sync is for weights, and has a mutex and a list.)
package main

import "runtime"

const permits = 10

type semaphoreOf chan struct{}

func (s semaphoreOf) take() { s <- struct{}{} }
func (s semaphoreOf) give() { <-s }

func semaphore(count int) uint64 {
	s := make(semaphoreOf, permits)
	sum := measured("uncontended", count, func() uint64 {
		var had uint64
		for i := 0; i < count; i++ {
			s.take()
			had++
			s.give()
		}
		return had
	})
	sum += measured("10 permits", count, func() uint64 {
		return together(tasks, func(task int) uint64 {
			var had uint64
			for i := share(count, task); i > 0; i-- {
				s.take()
				had++
				runtime.Gosched()
				s.give()
			}
			return had
		})
	})
	if len(s) != 0 {
		fail("%d permits are not back", len(s))
	}
	return sum
}
