/*
** ask.c -- opening what is not mounted yet: the file name says where the replica is, and the engine
** mounts it while the opening thread waits.
**
** INVARIANTS
**
**    - Only a process that has allowed it asks: in others no file name makes a mount.
**    - A ticket is on the list exactly as long as its thread waits, so a mount that comes too late
**      finds nobody.
**    - Whoever waits counts with the mount from the moment at which the engine hands it over.  So
**      the engine, which alone closes it, never closes it between that and the opening.
*/
#include <stdlib.h>
#include <time.h>
#include "headwater.h"

/* An engine that was started when the program was should be there by then. */
#define START_MS_MAX 30000
#define START_LOOK_MS 2

typedef struct Ticket Ticket;
struct Ticket {
  u64 id;
  const char *zText;                 /* the waiting thread's */
  u32 nText;
  HwMount *pMount;                   /* once there is one */
  Ticket *pNext;
};

static struct {
  pthread_mutex_t mutex;
  Ticket *pFirst;
  u64 lastId;
} gAsk = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static atomic_int gAllowed;

/* Any thread, before a library is taught about mounts. */
void hwAskAllow(void){
  atomic_store(&gAllowed, 1);
}

int hwAskAllowed(void){
  return atomic_load(&gAllowed);
}

/* ---- the engine's side ---- */

static Ticket *findTicket(u64 id){
  Ticket *p;
  for(p=gAsk.pFirst; p!=NULL && p->id!=id; p=p->pNext){}
  return p;
}

static void countFile(HwMount *p, int n){
  pthread_mutex_lock(&p->mutex);
  p->nFile += n;
  pthread_mutex_unlock(&p->mutex);
}

/* Engine thread.  What is asked for, to be freed; NULL when nobody waits for it any more. */
char *hwAskText(u64 id, u32 *pn){
  Ticket *p;
  char *z = NULL;
  pthread_mutex_lock(&gAsk.mutex);
  p = findTicket(id);
  if( p!=NULL && (z = malloc(p->nText+1))!=NULL ){
    memcpy(z, p->zText, p->nText);
    *pn = p->nText;
  }
  pthread_mutex_unlock(&gAsk.mutex);
  return z;
}

/* Engine thread, which holds the mount.  0 when nobody waits for it any more. */
int hwAskArrive(u64 id, HwMount *pMount){
  Ticket *p;
  hwMountRef(pMount);
  countFile(pMount, 1);
  pthread_mutex_lock(&gAsk.mutex);
  p = findTicket(id);
  if( p!=NULL ) p->pMount = pMount;
  pthread_mutex_unlock(&gAsk.mutex);
  if( p!=NULL ) return 1;
  countFile(pMount, -1);
  hwMountRelease(pMount);
  return 0;
}

/* ---- the opening thread's side ---- */

static void awaitEngine(void){
  struct timespec pause = { 0, START_LOOK_MS*1000000 };
  int ms;
  for(ms=0; hwEngineAwaited() && ms<START_MS_MAX; ms+=START_LOOK_MS) nanosleep(&pause, NULL);
}

/*
** SQLite thread.  The mount that the text asks for, with a reference and a file counted; NULL, and
** zWhy has HW_REASON_MAX bytes of words.
*/
HwMount *hwAskMount(const char *z, u32 n, char *zWhy){
  Ticket ticket = { 0, z, n, NULL, NULL };
  Ticket **pp;
  awaitEngine();
  pthread_mutex_lock(&gAsk.mutex);
  ticket.id = ++gAsk.lastId;
  ticket.pNext = gAsk.pFirst;
  gAsk.pFirst = &ticket;
  pthread_mutex_unlock(&gAsk.mutex);
  hwRequestEngine(HW_REQUEST_OPEN, ticket.id, 0, zWhy);
  pthread_mutex_lock(&gAsk.mutex);
  for(pp=&gAsk.pFirst; *pp!=&ticket; pp=&(*pp)->pNext){}
  *pp = ticket.pNext;
  pthread_mutex_unlock(&gAsk.mutex);
  return ticket.pMount;
}

/* SQLite thread, whose file was the last one: waits until the mount has ended. */
void hwAskLeave(u32 mountId, u32 timeoutMs){
  char zErr[HW_REASON_MAX];
  hwRequestEngine(HW_REQUEST_LEAVE, mountId, timeoutMs, zErr);
}
