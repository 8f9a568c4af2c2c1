/*
** file_lock.c -- one user per journal folder or image file, by flock() on a file beside it.
**
** The system lets go of such a lock when the process ends, however it ends, and it holds between
** containers that share a disk of one machine.  The locks belong to the engine: when its thread
** ends they are let go too, so that the next engine of the process can take them.
*/
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "headwater.h"

typedef struct FileLock {
  int fd;
  struct FileLock *pNext;
} FileLock;

static struct {
  pthread_mutex_t mutex;
  FileLock *pFirst;
} gLocks = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* Whether the file that is locked still has the name: who let go of it may have removed it. */
static int hasName(int fd, const char *zPath){
  struct stat mine, named;
  return fstat(fd, &mine)==0 && lstat(zPath, &named)==0
      && mine.st_dev==named.st_dev && mine.st_ino==named.st_ino;
}

/* The locked file, or -1: see errno. */
static int openLocked(const char *zPath){
  for(;;){
    int err;
    int fd = open(zPath, O_RDWR|O_CREAT|O_CLOEXEC|O_NOFOLLOW, 0600);
    if( fd<0 ) return -1;
    if( flock(fd, LOCK_EX|LOCK_NB)!=0 ){
      err = errno;
      close(fd);
      errno = err;
      return -1;
    }
    if( hasName(fd, zPath) ) return fd;
    close(fd);
  }
}

/*
** Engine thread.  Writes zText into the file for others to read.  A number for hwFileUnlock, or -1:
** see errno, which is EWOULDBLOCK when somebody else has the lock.
*/
int hwFileLock(const char *zPath, const char *zText){
  size_t n = strlen(zText);
  FileLock *p = malloc(sizeof(*p));
  int err;
  if( p==NULL ) return -1;
  p->fd = openLocked(zPath);
  if( p->fd<0 ){
    free(p);
    return -1;
  }
  if( ftruncate(p->fd, 0)!=0
   || pwrite(p->fd, zText, n, 0)!=(ssize_t)n
  ){
    err = errno;
    close(p->fd);
    free(p);
    errno = err;
    return -1;
  }
  pthread_mutex_lock(&gLocks.mutex);
  p->pNext = gLocks.pFirst;
  gLocks.pFirst = p;
  pthread_mutex_unlock(&gLocks.mutex);
  return p->fd;
}

/* Engine thread.  Of a lock that is held; another number changes nothing. */
void hwFileUnlock(int fd){
  FileLock **pp, *p;
  pthread_mutex_lock(&gLocks.mutex);
  for(pp=&gLocks.pFirst; *pp!=NULL && (*pp)->fd!=fd; pp=&(*pp)->pNext){}
  p = *pp;
  if( p!=NULL ) *pp = p->pNext;
  pthread_mutex_unlock(&gLocks.mutex);
  if( p==NULL ) return;
  close(p->fd);
  free(p);
}

/* Any thread: the engine has ended. */
void hwFileUnlockAll(void){
  for(;;){
    int fd;
    pthread_mutex_lock(&gLocks.mutex);
    fd = gLocks.pFirst!=NULL ? gLocks.pFirst->fd : -1;
    pthread_mutex_unlock(&gLocks.mutex);
    if( fd<0 ) return;
    hwFileUnlock(fd);
  }
}
