/*
** name.c -- which file names mean a mount, which mount, and the parameters in them.
**
** With URIs on, SQLite takes "file:app.db?vfs=headwater" apart and calls the VFS named "headwater"
** with "app.db".  With URIs off (better-sqlite3's default) the whole text arrives as a file name,
** and the default VFS must recognise it.  SQLite makes the names of journals by adding "-journal"
** at the end, so such a name only begins like one of ours.
*/
#include <stdlib.h>
#include "name.h"

static const struct { const char *zKey; int eVfs; } aVfs[] = {
  { "vfs=headwater", HW_VFS_NAMED },
  { "vfs=litestream", HW_VFS_ASKING },
};

static int endsParameter(char c){ return c==0 || c=='&' || c=='#'; }

/* Of a text that begins as a parameter does. */
static int vfsOfParameter(const char *z, int bExact){
  size_t i;
  for(i=0; i<sizeof(aVfs)/sizeof(aVfs[0]); i++){
    size_t n = strlen(aVfs[i].zKey);
    if( strncmp(z, aVfs[i].zKey, n)==0 && (endsParameter(z[n]) || (!bExact && z[n]=='-')) ){
      return aVfs[i].eVfs;
    }
  }
  return HW_VFS_BASE;
}

/*
** Which VFS a URI names by its parameter "vfs".  With bExact zero, also that of such a URI with a
** suffix that SQLite has added.
*/
int hwNameVfs(const char *zName, int bExact){
  const char *z;
  int eVfs = HW_VFS_BASE;
  if( zName==NULL || strncmp(zName, "file:", 5)!=0 ) return HW_VFS_BASE;
  for(z=strchr(zName, '?'); z!=NULL && eVfs==HW_VFS_BASE; z=strchr(z, '&')){
    z++;
    eVfs = vfsOfParameter(z, bExact);
  }
  return eVfs==HW_VFS_ASKING && !hwAskAllowed() ? HW_VFS_BASE : eVfs;
}

/* Whether a URI that SQLite has not taken apart asks for reading only, by its parameter "mode". */
int hwNameReadOnly(const char *zName){
  static const char zKey[] = "mode=ro";
  size_t n = sizeof(zKey)-1;
  const char *z = strchr(zName, '?');
  while( z!=NULL && !(strncmp(z+1, zKey, n)==0 && endsParameter(z[1+n])) ) z = strchr(z+1, '&');
  return z!=NULL;
}

static int hexValue(char c){
  if( c>='0' && c<='9' ) return c-'0';
  if( c>='a' && c<='f' ) return c-'a'+10;
  if( c>='A' && c<='F' ) return c-'A'+10;
  return -1;
}

/* The next character of a URI, percent-decoded; moves on to the one after it. */
static char nextDecoded(const char **pz){
  const char *z = *pz;
  if( z[0]=='%' && hexValue(z[1])>=0 && hexValue(z[2])>=0 ){
    *pz += 3;
    return (char)(hexValue(z[1])*16 + hexValue(z[2]));
  }
  *pz += 1;
  return z[0];
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
  while( *z && !(bUri && (*z=='?' || *z=='#')) ){
    char c = bUri ? nextDecoded(&z) : *z++;
    if( c==0 || n+1>=nOut ) return 0;
    zOut[n++] = c;
  }
  zOut[n] = 0;
  return n>0;
}

/* Text that grows.  z is NULL when there was no memory. */
typedef struct Text {
  char *z;
  u32 n, nAlloc;
} Text;

static void addChar(Text *p, char c){
  if( p->n==p->nAlloc && p->z!=NULL ){
    char *z = realloc(p->z, p->nAlloc *= 2);
    if( z==NULL ) free(p->z);
    p->z = z;
  }
  if( p->z!=NULL ) p->z[p->n++] = c;
}

/* With the zero that ends it. */
static void addText(Text *p, const char *z){
  do addChar(p, *z); while( *z++ );
}

/* A name or a value, up to what ends it; a zero in it hides the rest of it, as for SQLite. */
static const char *addDecoded(Text *p, const char *z, int bValue){
  int bHidden = 0;
  while( !endsParameter(*z) && (bValue || *z!='=') ){
    char c = nextDecoded(&z);
    if( c==0 ) bHidden = 1;
    if( !bHidden ) addChar(p, c);
  }
  addChar(p, 0);
  return z;
}

/* As SQLite does it: "=" ends a name, "&" a value, "#" everything; what has no name is left out. */
static void addParametersOfUri(Text *p, const char *zUri){
  const char *z = strchr(zUri, '?');
  if( z!=NULL ) z++;
  while( z!=NULL && *z && *z!='#' ){
    if( *z=='=' ){
      while( !endsParameter(*z) ) z++;
    }else if( *z!='&' ){
      z = addDecoded(p, z, 0);
      if( *z=='=' ) z++;
      z = addDecoded(p, z, 1);
    }
    if( *z=='&' ) z++;
  }
}

/*
** All parameters of a file name, as names and values that end in zero, one after another.  To be
** freed; NULL when there is no memory.  A name that SQLite has not taken apart is one that begins
** with "file:".
*/
char *hwNameParameters(const sqlite3_api_routines *pApi, const char *zName, u32 *pn){
  Text text = { malloc(HW_NAME_MAX), 0, HW_NAME_MAX };
  const char *zKey;
  int i;
  if( hwNameVfs(zName, 1)!=HW_VFS_BASE ){
    addParametersOfUri(&text, zName);
  }else{
    for(i=0; (zKey = pApi->uri_key(zName, i))!=NULL; i++){
      addText(&text, zKey);
      addText(&text, pApi->uri_parameter(zName, zKey));
    }
  }
  *pn = text.n;
  return text.z;
}
