/*
** slow-write.c -- loaded before everything else into a program of the tests: as long as there is
** the file that SLOW_WRITE_FILE names, the next write of journal records takes it away, and 2 s.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

ssize_t pwritev(int fd, const struct iovec *aVec, int nVec, off_t offset){
  ssize_t (*xReal)(int, const struct iovec*, int, off_t) =
    (ssize_t (*)(int, const struct iovec*, int, off_t))dlsym(RTLD_NEXT, "pwritev");
  const char *zFile = getenv("SLOW_WRITE_FILE");
  if( zFile!=NULL && unlink(zFile)==0 ) sleep(2);
  return xReal(fd, aVec, nVec, offset);
}
