/*
** wait.c -- condition variables by the monotonic clock, on every system.
*/
#include <errno.h>
#include <time.h>
#include "headwater.h"

void hwCondInit(pthread_cond_t *pCond){
#ifdef __APPLE__
  pthread_cond_init(pCond, NULL);
#else
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(pCond, &attr);
  pthread_condattr_destroy(&attr);
#endif
}

struct timespec hwDeadlineIn(u32 ms){
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  ts.tv_sec += ms/1000;
  ts.tv_nsec += (long)(ms%1000)*1000000;
  if( ts.tv_nsec>=1000000000 ){
    ts.tv_sec++;
    ts.tv_nsec -= 1000000000;
  }
  return ts;
}

/* Under the mutex.  0 when the deadline has passed; without one, never. */
int hwCondWait(
  pthread_cond_t *pCond,
  pthread_mutex_t *pMutex,
  const struct timespec *pDeadline
){
#ifdef __APPLE__
  struct timespec now, left;
  if( pDeadline==NULL ) return pthread_cond_wait(pCond, pMutex)==0;
  clock_gettime(CLOCK_MONOTONIC, &now);
  left.tv_sec = pDeadline->tv_sec - now.tv_sec;
  left.tv_nsec = pDeadline->tv_nsec - now.tv_nsec;
  if( left.tv_nsec<0 ){
    left.tv_sec--;
    left.tv_nsec += 1000000000;
  }
  if( left.tv_sec<0 ) return 0;
  return pthread_cond_timedwait_relative_np(pCond, pMutex, &left)!=ETIMEDOUT;
#else
  if( pDeadline==NULL ) return pthread_cond_wait(pCond, pMutex)==0;
  return pthread_cond_timedwait(pCond, pMutex, pDeadline)!=ETIMEDOUT;
#endif
}
