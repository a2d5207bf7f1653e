"""What the kernel says in a container with 4 GiB of memory and 99 processes, where all is as promised."""

from __future__ import annotations

GIB = 1 << 30
KERNEL = "6.1.0-44-amd64"
COMMON = f"""\
/proc/version:Linux version {KERNEL} (who@where) (gcc-12) #1 SMP
/proc/self/status:Uid:\t1000\t1000\t1000\t1000
/proc/self/status:CapInh:\t0000000000000000
/proc/self/status:CapPrm:\t0000000000000000
/proc/self/status:CapEff:\t0000000000000000
/proc/self/status:CapBnd:\t0000000000000000
/proc/self/status:CapAmb:\t0000000000000000
/proc/self/status:NoNewPrivs:\t1
/proc/self/status:Seccomp:\t2
/proc/self/status:Seccomp_filters:\t1
/proc/self/mounts:overlay / overlay ro,relatime,lowerdir=/a:/b 0 0
/proc/self/mounts:tmpfs /tmp tmpfs rw,nosuid,nodev 0 0
/proc/net/dev:Inter-|   Receive                |  Transmit
/proc/net/dev: face |bytes    packets errs drop|bytes    packets
/proc/net/dev:    lo:       0       0    0    0     0          0
/proc/self/attr/current:docker-default (enforce)
/proc/self/uid_map:         0          0 4294967295
/proc/self/limits:Limit                     Soft Limit           Hard Limit           Units
/proc/self/limits:Max file size             2147483648           2147483648           bytes
/proc/self/limits:Max core file size        0                    0                    bytes
/proc/self/limits:Max open files            8192                 8192                 files
"""
VERSION_1 = f"""\
/sys/fs/cgroup/memory/memory.limit_in_bytes:{4 * GIB}
/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes:{4 * GIB}
/sys/fs/cgroup/pids/pids.max:99
"""
VERSION_2 = f"""\
/sys/fs/cgroup/memory.max:{4 * GIB}
/sys/fs/cgroup/memory.swap.max:0
/sys/fs/cgroup/pids.max:99
"""
