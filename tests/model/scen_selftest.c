/* SPDX-License-Identifier: MIT */
#include "explorer.h"
static struct atomic32 x, y; static unsigned r0, r1; static int data, count;
static void z(void) { store_relaxed(&x,0); store_relaxed(&y,0); r0=r1=9; data=0; count=0; model_name(&x,"x"); model_name(&y,"y"); model_name(&data,"data"); }
static void sb0(void){ store_relaxed(&x,1); fence_light(); r0=load_relaxed(&y);}
static void sb1(void){ store_relaxed(&y,1); fence_heavy(); r1=load_relaxed(&x);}
static void sbc(void){ model_assert(r0||r1);}
SCENARIO(dekker, .setup=z,.thread={sb0,sb1},.check=sbc,.bound=9);
static void mp0(void){ plain_write(&data,1); store_release(&x,1);}
static void mp1(void){ while(!load_acquire(&x)) spin_hint(); model_assert(plain_read(&data)==1);}
SCENARIO(mp, .setup=z,.thread={mp0,mp1},.bound=9);
static void mp2(void){ plain_write(&data,1); store_relaxed(&x,1);}
SCENARIO(mp_bad, .setup=z,.thread={mp2,mp1},.bound=9,.expect="race");
static void lk(void){ for(int i=0;i<2;i++){ while(exchange_acquire(&x,1)) spin_hint(); plain_write(&data,plain_read(&data)+1); store_release(&x,0);} }
static void lkc(void){ model_assert(data==6);}
SCENARIO(lock3, .setup=z,.thread={lk,lk,lk},.check=lkc,.bound=3);
static void tl(void){ for(int i=0;i<2;i++){ for(;;){ while(load_relaxed(&x)) spin_hint(); uint32_t e=0; if(cas_acquire(&x,&e,1)) break;} plain_write(&data,plain_read(&data)+1); store_release(&x,0);} }
SCENARIO(ttas3, .setup=z,.thread={tl,tl,tl},.check=lkc,.bound=3);
