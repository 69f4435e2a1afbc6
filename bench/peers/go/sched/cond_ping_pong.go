// SPDX-License-Identifier: MIT

// cond_ping_pong.go - a sync.Mutex and a sync.Cond.
package main

import "sync"

func condPingPong(count int) uint64 {
	var mutex sync.Mutex
	turned := sync.NewCond(&mutex)
	turn := 0
	return measured("round trip", count, func() uint64 {
		return together(2, func(player int) uint64 {
			var trips uint64
			for i := 0; i < count; i++ {
				mutex.Lock()
				for turn != player {
					turned.Wait()
				}
				turn = 1 - player
				turned.Signal()
				mutex.Unlock()
				trips += uint64(player)
			}
			return trips
		})
	})
}
