/*
** name.h -- which file names mean a mount.
*/
#ifndef HEADWATER_FILE_NAME_H
#define HEADWATER_FILE_NAME_H
#include "headwater.h"

int hwNameIsOurs(const char *zName, int bExact);
int hwNameToMount(const char *zName, char *zOut, size_t nOut);

#endif
