/*
** name.c -- which file names mean a mount, and which mount.
**
** With URIs on, SQLite takes "file:app.db?vfs=headwater" apart and calls the VFS named "headwater"
** with "app.db".  With URIs off (better-sqlite3's default) the whole text arrives as a file name,
** and the default VFS must recognise it.  SQLite makes the names of journals by adding "-journal"
** at the end, so such a name only begins like one of ours.
*/
#include "name.h"

static const char zKey[] = "vfs=headwater";

static int endsParameter(char c){ return c==0 || c=='&' || c=='#'; }

/*
** True when zName is a URI with the parameter vfs=headwater.  With bExact zero, also when it is
** such a URI with a suffix that SQLite has added.
*/
int hwNameIsOurs(const char *zName, int bExact){
  const char *z;
  if( zName==NULL || strncmp(zName, "file:", 5)!=0 ) return 0;
  z = strchr(zName, '?');
  while( z!=NULL ){
    z++;
    if( strncmp(z, zKey, sizeof(zKey)-1)==0 ){
      char c = z[sizeof(zKey)-1];
      return endsParameter(c) || (!bExact && c=='-');
    }
    z = strchr(z, '&');
  }
  return 0;
}

static int hexValue(char c){
  if( c>='0' && c<='9' ) return c-'0';
  if( c>='a' && c<='f' ) return c-'a'+10;
  if( c>='A' && c<='F' ) return c-'A'+10;
  return -1;
}

/*
** The mount's name: the path of a URI, percent-decoded and without an authority, or the name as it
** is.  0 when it does not fit.
*/
int hwNameToMount(const char *zName, char *zOut, size_t nOut){
  size_t n = 0;
  int bUri = strncmp(zName, "file:", 5)==0;
  const char *z = bUri ? zName+5 : zName;
  if( bUri && z[0]=='/' && z[1]=='/' ){
    z += 2;
    while( *z && *z!='/' && *z!='?' ) z++;
  }
  for(; *z && !(bUri && (*z=='?' || *z=='#')); z++){
    char c = *z;
    if( bUri && c=='%' && hexValue(z[1])>=0 && hexValue(z[2])>=0 ){
      c = (char)(hexValue(z[1])*16 + hexValue(z[2]));
      z += 2;
      if( c==0 ) return 0;
    }
    if( n+1>=nOut ) return 0;
    zOut[n++] = c;
  }
  zOut[n] = 0;
  return n>0;
}
