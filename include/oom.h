/*
 * Why the kernel killed COMMAND: the memory limit of its control group.
 */
#ifndef NSINIT_OOM_H
#define NSINIT_OOM_H

/*
 * If the control group of nsinit counts an out-of-memory kill, log one line that names the limit.
 * Version 2 (memory.events, Linux 4.13) and version 1 (memory.oom_control, oom_kill since 4.13).
 */
void oom_report(void);

#endif
