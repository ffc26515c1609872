#!/bin/busybox sh
# The workload: what can be retargeted, traced, loaded and called, is. Lines that begin with LOAD are compared between
# kernels; those with ~ are figures. A reboot ends qemu (-no-reboot), with ACPI and without.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t debugfs debug /sys/kernel/debug
mount -t tracefs trace /sys/kernel/debug/tracing 2>/dev/null
mount -t tmpfs tmp /tmp
ip link set lo up
T=/sys/kernel/debug/tracing

if grep -qw asmrewrite.times /proc/cmdline; then
    load times
    echo "LOAD done"
    reboot -f
fi

for mode in none voluntary full none full; do
    if [ -e /sys/kernel/debug/sched/preempt ]; then
        echo $mode > /sys/kernel/debug/sched/preempt
        echo "LOAD preempt $(cat /sys/kernel/debug/sched/preempt)"
    fi
    load check
done

echo function > $T/current_tracer
load check
echo 0 > $T/tracing_on
[ $(grep -c vfs_write $T/trace) -gt 0 ] && echo "LOAD function tracer works"
echo 1 > $T/tracing_on
echo function_graph > $T/current_tracer
load check
echo nop > $T/current_tracer
echo 1 > $T/events/sched/enable
echo 1 > $T/events/syscalls/enable
load check
echo 0 > $T/events/enable
[ $(grep -c sched_switch $T/trace) -gt 0 ] && echo "LOAD sched events work"
echo > $T/trace

mke2fs -q /dev/ram0 60000 >/dev/null 2>&1 || mke2fs /dev/ram0 >/dev/null
mount -t ext4 /dev/ram0 /mnt && echo "LOAD ext4 mounted"
for n in 1 2 3 4 5 6 7 8; do
    seq 1 20000 > /mnt/file$n
done
cat /mnt/file* | md5sum | sed 's/^/LOAD ext4 /'
cp -r /mnt /tmp/copy && rm -r /mnt/file* && sync && umount /mnt && echo "LOAD ext4 unmounted"
find /tmp/copy -type f | sort | xargs cat | md5sum | sed 's/^/LOAD tmpfs /'

for round in 1 2; do
    for module in dummy veth tun fuse; do
        insmod /modules/$module.ko && echo "LOAD $module loaded"
    done
    ip link add veth0 type veth peer name veth1 2>/dev/null
    ip link set dummy0 up 2>/dev/null
    for module in fuse tun veth dummy; do
        rmmod $module && echo "LOAD $module unloaded"
    done
done

load check
cat /sys/devices/system/cpu/vulnerabilities/spectre_v2 | sed 's/^/LOAD ~~ /'
if [ -e /sys/kernel/debug/asmrewrite/calls ]; then
    load times
    echo "ASMREWRITE-CALLS-BEGIN"
    cat /sys/kernel/debug/asmrewrite/calls
    echo "ASMREWRITE-CALLS-END"
fi
dmesg | grep -E 'WARNING|BUG|Oops|Call Trace|patch' | sed 's/^/TROUBLE /'
echo "LOAD done"
reboot -f
