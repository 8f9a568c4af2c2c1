/**
 * The configuration of the smallest Ceph that serves objects.
 */

export interface CephConfigOptions {
  readonly folder: string;
  readonly libraries: string;
  readonly clusterId: string;
  readonly monPort: number;
  readonly port: number;
}

export function cephConfig(options: CephConfigOptions): string {
  const { folder, libraries, clusterId, monPort, port } = options;
  return `[global]
fsid = ${clusterId}
mon host = v1:127.0.0.1:${monPort}/0
public addr = 127.0.0.1
cluster addr = 127.0.0.1
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
ms bind msgr2 = false
ms bind ipv6 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 4096
# A disk of the developer that is nearly full is no matter here.
mon data avail crit = 1
mon data avail warn = 2
mon osd nearfull ratio = .97
mon osd backfillfull ratio = .98
mon osd full ratio = .99
osd failsafe full ratio = .995
paxos propose interval = 0.05
paxos min wait = 0.02
plugin dir = ${libraries}/ceph
erasure code dir = ${libraries}/ceph/erasure-code
osd class dir = ${libraries}/rados-classes
log file = ${folder}/log/$name.log
# A socket's path has room for 107 bytes, which a folder may use up.
admin socket =
run dir = ${folder}/run
crash dir = ${folder}/run
debug ms = 0/0
# The lines of lower levels are put together for every request, also where nobody reads them.
debug rgw = 0/0
debug osd = 0/0
[mon]
mon data = ${folder}/mon
mon cluster log file = ${folder}/log/cluster.log
mon osd crush smoke test = false
[osd]
osd data = ${folder}/osd
osd objectstore = memstore
memstore device bytes = 8589934592
osd memory target = 939524096
# Without authentication the first commands of the OSD would come before its map of monitors.
osd class update on start = false
osd crush update on start = false
osd mclock skip benchmark = true
osd class load list = *
osd class default list = *
[client]
keyring = /dev/null
rgw data = ${folder}/rgw
# Without tcp_nodelay every GET waits 40 ms for an acknowledgement.
rgw frontends = beast endpoint=127.0.0.1:${port} tcp_nodelay=1
# Its requests are coroutines, which few threads carry; many cost it as much again in switching.
rgw thread pool size = 4
rgw rados pool pg num min = 4
rgw dynamic resharding = false
rgw override bucket index max shards = 1
rgw run sync thread = false
`;
}
