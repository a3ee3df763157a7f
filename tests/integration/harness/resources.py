# SPDX-License-Identifier: Apache-2.0
"""Every resource of the specification but devices: what is asked for, and what the kernel's files then say."""

MIB = 1 << 20
V1_NONE = "9223372036854771712"  # what v1 shows where memory has no limit


class Refused(tuple):
    """Words of the error in the place of files."""

    def __new__(cls, *words):
        return super().__new__(cls, words)


class Case:
    """v1 and v2: {file: text}, or a list of such of which the first counts that this kernel has the files of, or
    Refused(...). A text is the whole file or one line of it. flags: the same for `update`; None: it has none."""

    def __init__(self, name, controller, resources, v1, v2, flags=None):
        self.name, self.controller, self.resources, self.flags = name, controller, resources, flags
        self.v1, self.v2 = ([one] if isinstance(one, (dict, Refused)) else one for one in (v1, v2))


def weight_v2(weight):
    return 1 + (weight - 10) * 9999 // 990


def memory(name, values, v1, v2, *flags):
    return Case("memory-" + name, "memory", {"memory": values}, v1, v2, flags or None)


def cpu(name, values, v1, v2, *flags):
    return Case("cpu-" + name, "cpu", {"cpu": values}, v1, v2, flags or None)


NO_RT = Refused("real-time")
CASES = [
    cpu("shares", {"shares": 2048}, {"cpu.shares": "2048"}, {"cpu.weight": "174"}, "--cpu-share=2048"),
    cpu("shares-least", {"shares": 2}, {"cpu.shares": "2"}, {"cpu.weight": "1"}, "--cpu-share=2"),
    cpu("shares-most", {"shares": 262144}, {"cpu.shares": "262144"}, {"cpu.weight": "10000"}, "--cpu-share=262144"),
    cpu("quota", {"quota": 50000}, {"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"},
        {"cpu.max": "50000 100000"}, "--cpu-quota=50000"),
    cpu("quota-and-period", {"quota": 20000, "period": 40000},
        {"cpu.cfs_quota_us": "20000", "cpu.cfs_period_us": "40000"}, {"cpu.max": "20000 40000"},
        "--cpu-quota=20000", "--cpu-period=40000"),
    cpu("period", {"period": 50000}, {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "50000"},
        {"cpu.max": "max 50000"}, "--cpu-period=50000"),
    cpu("no-quota", {"quota": -1}, {"cpu.cfs_quota_us": "-1"}, {"cpu.max": "max 100000"}, "--cpu-quota=-1"),
    cpu("burst", {"quota": 50000, "burst": 10000}, {"cpu.cfs_burst_us": "10000"}, {"cpu.max.burst": "10000"},
        "--cpu-quota=50000", "--cpu-burst=10000"),
    cpu("idle", {"idle": 1}, {"cpu.idle": "1"}, {"cpu.idle": "1"}, "--cpu-idle=1"),
    cpu("realtime", {"realtimeRuntime": 2000, "realtimePeriod": 500000},
        {"cpu.rt_runtime_us": "2000", "cpu.rt_period_us": "500000"}, NO_RT,
        "--cpu-rt-runtime=2000", "--cpu-rt-period=500000"),
    Case("cpuset", "cpuset", {"cpu": {"cpus": "0", "mems": "0"}}, {"cpuset.cpus": "0", "cpuset.mems": "0"},
         {"cpuset.cpus": "0", "cpuset.mems": "0"}, ["--cpuset-cpus=0", "--cpuset-mems=0"]),
    Case("cpuset-range", "cpuset", {"cpu": {"cpus": "0-1"}}, {"cpuset.cpus": "0-1"}, {"cpuset.cpus": "0-1"},
         ["--cpuset-cpus", "0-1"]),

    memory("limit", {"limit": 64 * MIB}, {"memory.limit_in_bytes": str(64 * MIB)}, {"memory.max": str(64 * MIB)},
           "--memory=64M"),
    memory("reservation", {"reservation": 32 * MIB}, {"memory.soft_limit_in_bytes": str(32 * MIB)},
           {"memory.low": str(32 * MIB)}, "--memory-reservation=32M"),
    memory("swap", {"limit": 64 * MIB, "swap": 96 * MIB},
           {"memory.limit_in_bytes": str(64 * MIB), "memory.memsw.limit_in_bytes": str(96 * MIB)},
           {"memory.max": str(64 * MIB), "memory.swap.max": str(32 * MIB)}, "--memory=64M", "--memory-swap=96M"),
    memory("no-swap", {"limit": 64 * MIB, "swap": 64 * MIB}, {"memory.memsw.limit_in_bytes": str(64 * MIB)},
           {"memory.swap.max": "0"}, "--memory=64M", "--memory-swap=64M"),
    memory("any-swap", {"limit": 64 * MIB, "swap": -1}, {"memory.memsw.limit_in_bytes": V1_NONE},
           {"memory.swap.max": "max"}, "--memory=64M", "--memory-swap=-1"),
    memory("no-limit", {"limit": -1}, {"memory.limit_in_bytes": V1_NONE, "memory.memsw.limit_in_bytes": V1_NONE},
           {"memory.max": "max", "memory.swap.max": "max"}, "--memory=-1"),
    memory("swap-below-limit", {"limit": 64 * MIB, "swap": 32 * MIB}, Refused("less than the memory limit"),
           Refused("less than the memory limit"), "--memory=64M", "--memory-swap=32M"),
    memory("swap-alone", {"swap": 32 * MIB}, Refused("needs a memory limit"), Refused("needs a memory limit"),
           "--memory-swap=32M"),
    memory("swappiness", {"swappiness": 30}, {"memory.swappiness": "30"}, Refused("memory.swappiness", "v2")),
    memory("no-oom-killer", {"disableOOMKiller": True}, {"memory.oom_control": "oom_kill_disable 1"}, {}),
    memory("kernel-tcp", {"kernelTCP": 4 * MIB}, {"memory.kmem.tcp.limit_in_bytes": str(4 * MIB)},
           Refused("memory.kernelTCP", "v2"), "--kernel-memory-tcp=4M"),
    memory("use-hierarchy", {"useHierarchy": True}, {"memory.use_hierarchy": "1"}, {}),

    Case("pids", "pids", {"pids": {"limit": 77}}, {"pids.max": "77"}, {"pids.max": "77"}, ["--pids-limit=77"]),
    Case("pids-none", "pids", {"pids": {"limit": -1}}, {"pids.max": "max"}, {"pids.max": "max"}, ["--pids-limit=-1"]),
    Case("pids-zero", "pids", {"pids": {"limit": 0}}, {"pids.max": "0"}, {"pids.max": "0"}, ["--pids-limit=0"]),

    Case("io-weight", "blkio", {"blockIO": {"weight": 200}}, [{"blkio.weight": "200"}, {"blkio.bfq.weight": "200"}],
         [{"io.bfq.weight": "default 200"}, {"io.weight": f"default {weight_v2(200)}"}], ["--blkio-weight=200"]),
    Case("io-leaf-weight", "blkio", {"blockIO": {"leafWeight": 200}}, {"blkio.leaf_weight": "200"},
         Refused("blockIO.leafWeight", "v2")),
    Case("io-weight-too-small", "blkio", {"blockIO": {"weight": 9}}, Refused("not within 10 and 1000"),
         Refused("not within 10 and 1000"), ["--blkio-weight=9"]),

    Case("hugepages", "hugetlb", {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MIB}]},
         {"hugetlb.2MB.limit_in_bytes": str(4 * MIB), "hugetlb.2MB.rsvd.limit_in_bytes": str(4 * MIB)},
         {"hugetlb.2MB.max": str(4 * MIB), "hugetlb.2MB.rsvd.max": str(4 * MIB)}),
    Case("hugepages-no-such-size", "hugetlb", {"hugepageLimits": [{"pageSize": "3MB", "limit": 4 * MIB}]},
         Refused("hugepageLimits", "hugetlb.3MB.limit_in_bytes"), Refused("hugepageLimits", "hugetlb.3MB.max")),
    Case("net-class", "net_cls", {"network": {"classID": 0x100001}}, {"net_cls.classid": str(0x100001)},
         Refused("network.classID", "net_cls")),
    Case("net-priorities", "net_prio", {"network": {"priorities": [{"name": "lo", "priority": 3}]}},
         {"net_prio.ifpriomap": "lo 3"}, Refused("network.priorities", "net_prio")),
    Case("rdma", "rdma", {"rdma": {"nosuch0": {"hcaHandles": 3, "hcaObjects": 4}}},
         Refused("linux.resources.rdma", "rdma.max", "nosuch0"), Refused("linux.resources.rdma", "rdma.max", "nosuch0")),
]
