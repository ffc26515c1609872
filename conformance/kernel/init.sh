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
mount -t tmpfs tmp /tmp	# the guest's own memory: nothing of the host is seen here
ip link set lo up
T=/sys/kernel/debug/tracing

if grep -qw asmrewrite.times /proc/cmdline; then
    load times
    echo "LOAD done"
    reboot -f
fi

P=/sys/kernel/debug/sched/preempt
for mode in none voluntary full; do
    echo $mode > $P
    echo "LOAD preempt $(cat $P)"
    load check
done

# Flipped while three loads run; all of them see the same.
touch /tmp/flipping
for n in 1 2 3; do
    while [ -e /tmp/flipping ]; do load check; done > /tmp/flip$n &
done
flips=0
for round in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    for mode in none full voluntary; do
        echo $mode > $P
        grep -q "($mode)" $P && flips=$((flips + 1))
        usleep 20000
    done
done
rm /tmp/flipping
wait
echo full > $P
echo "LOAD preempt flipped $flips times under load"
echo "LOAD ~flipped-loads $(cat /tmp/flip? | wc -l)"
sort -u /tmp/flip?

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

# Packets and system calls of real programs.
mkdir /tmp/www && seq 1 2000 > /tmp/www/index.html
httpd -p 127.0.0.1:80 -h /tmp/www
for n in $(seq 1 30); do wget -q -O - http://127.0.0.1/; done | md5sum | sed 's/^/LOAD http /'
killall httpd
ping -c 3 -i 0.1 -q 127.0.0.1 > /dev/null && echo "LOAD ping"
tar -c -C /tmp copy | gzip -1 | gunzip | tar -t | wc -l | sed 's/^/LOAD tar /'
for n in 1 2 3; do find /proc/sys /sys/class /sys/kernel -type f > /tmp/found; ps > /dev/null; mount > /dev/null; done
dd if=/dev/zero of=/dev/ram1 bs=4k count=2000 2>/dev/null && dd if=/dev/ram1 of=/dev/null bs=64k 2>/dev/null

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
