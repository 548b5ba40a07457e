# Writes results.md from what bench/measure printed, one file for each table, and machines.new: see bench/run.

BEGIN { FS = "\t" }

{ key = FILENAME; sub(/.*\//, "", key) }

key == "facts" { fact[$1] = $2; next }
key == "machines" {
	if ($1 != fact["machine"]) {
		others[++other_rows] = $0
		remember($1, $2, $3, $4)
	}
	next
}
key == "arm64" { arm64[$1, $2] = $3; if ($1 == "kernel") arm64_kernel = $2; next }
key == "machine" { cost[$2] = $3; next }
$1 == "ratio" { whole[key, $2, $3] = $4; first[key, $2, $3] = $5; cpu[key, $2, $3] = $6; next }
key == "calls" { calls[$1] = $2; next }
key == "size" { size[$1] = $2; next }

# Anything else: what, name, values. In tables of growth a number stands between name and values.
{
	name = $2
	at = 3
	if (key ~ /^(signals|signals-growth|end|grows-.*)$/) {
		if (!((key, $3) in known_number)) {
			known_number[key, $3] = 1
			number[key, ++numbers[key]] = $3
		}
		at = 4
	}
	id = at == 4 ? name SUBSEP $3 : name
	if (!((key, name) in known_name)) {
		known_name[key, name] = 1
		names[key, ++count[key]] = name
	}
	for (i = at; i <= NF; i++)
		value[key, id, i - at + 1] = $i
}

function remember(machine, version, what, result) {
	if (!(machine in version_on)) {
		version_on[machine] = version
		machines[++machine_count] = machine
	}
	results[machine, what] = result
}

function line(text) { print text; print "" }

# Three digits are enough for a reader.
function figure(x) {
	if (x == "")
		return "–"
	if (x >= 100 || x == int(x))
		return sprintf("%.0f", x)
	return sprintf(x >= 10 ? "%.1f" : "%.2f", x)
}

function ratio(x) { return x == "" ? "–" : sprintf("%.2f", x) }

# A signal's figure in the heaviest storm.
function in_storm(name, column) { return value["signals-growth", name, makers, column] }

# The exponent of growth between the last two numbers: 1.00 is linear. "–" if there is nothing that grows.
function slope(key, name, column,    k, n, m, x, y) {
	for (k = numbers[key]; k > 0; k--) {
		x = value[key, name, number[key, k], column]
		if (x == "" || number[key, k] == 0)
			continue
		if (n == "") {
			n = number[key, k]
			y = x
		} else {
			m = number[key, k]
			return x > 0 && y > 0 ? sprintf("%.2f", log(y / x) / log(n / m)) : "0"
		}
	}
	return "–"
}

# A table of growth, one column for each number.
function growth(key, column, head, sloped,    i, k, row) {
	if (!count[key])
		return
	row = "| " head " |"
	for (k = 1; k <= numbers[key]; k++)
		row = row " " number[key, k] " |"
	print row (sloped ? " slope |" : "")
	row = "| --- |"
	for (k = 1; k <= numbers[key] + sloped; k++)
		row = row " ---: |"
	print row
	for (i = 1; i <= count[key]; i++) {
		row = "| " names[key, i] " |"
		for (k = 1; k <= numbers[key]; k++)
			row = row " " figure(value[key, names[key, i], number[key, k], column]) " |"
		print row (sloped ? " " slope(key, names[key, i], column) " |" : "")
	}
	print ""
}

# --- targets ---

function target(what, wanted, got, holds) {
	targets[++target_count] = what
	limit_of[what] = wanted
	remember(fact["machine"], fact["version"], what, got (holds == "" || holds ? "" : " (**missed**)"))
	print fact["machine"] "\t" fact["version"] "\t" what "\t" results[fact["machine"], what] > "machines.new"
}

function bound(what, got, most, unit) {
	target(what, (unit == "" ? ratio(most) : most unit) " or less", got == "" ? "–" : (unit == "" ? ratio(got) : figure(got) unit), got == "" ? "" : got + 0 <= most)
}

function over(key, name, other, column,    x) {
	x = value[key, other, column]
	return x > 0 ? value[key, name, column] / x : ""
}

function over_the_least(key, how) {
	bound("whole run, over the least init" how, whole[key, "nsinit", "the least init"], 1.12, "")
	bound("the same for `-u`, over the least `-u`" how, whole[key, "nsinit -u", "the least -u"], 1.15, "")
	bound("until COMMAND's first instruction, over the least init" how, first[key, "nsinit", "the least init"], 1.05, "")
}

function set_targets(    part, kernel_reaps) {
	over_the_least("pairs", " in pairs")
	over_the_least("start", "")
	bound("whole run, over tini-static", whole["start", "nsinit", "tini-static"], 0.60, "")
	bound("whole run of `-u`, over `unshare --pid --fork --mount-proc`", whole["start", "nsinit -u", "unshare"], 0.50, "")
	bound("system calls before COMMAND runs", calls["nsinit"], 16, " calls")
	bound("size of the binary", size["nsinit"] / 1000, 40, " KB")
	bound("resident while idle", value["idle", "nsinit", 1], 48, " kB")
	bound("the same, each of the two processes of `-u`", value["idle", "nsinit -u", 2] / 2, 48, " kB")
	# The kernel can reap from Linux 6.15 on.
	split(fact["kernel"], part, /[ .]/)
	kernel_reaps = part[2] > 6 || (part[2] == 6 && part[3] >= 15)
	if (kernel_reaps)
		target("CPU for each orphan and wakeups, as a container's PID 1 (Linux 6.15 and later)", "0 and 0", figure(value["storm", "nsinit", 2]) " µs and " figure(value["storm", "nsinit", 3]), value["storm", "nsinit", 2] < 0.01 && value["storm", "nsinit", 3] < 1)
	bound("CPU for each orphan where nsinit reaps (`-u`), over tini-static", over("storm", "nsinit -u", "tini-static", 2), 1.14, "")
	bound("99th percentile of a signal in a storm of " makers ", as PID 1, over `tini -g`", in_storm("tini -g", 2) > 0 ? in_storm("nsinit", 2) / in_storm("tini -g", 2) : "", 0.25, "")
	bound("the same for `-u`", in_storm("tini -g", 2) > 0 ? in_storm("nsinit -u", 2) / in_storm("tini -g", 2) : "", 1.00, "")
	target("values of realtime signals that arrive", "1000 of 1000", value["values", "nsinit", 3] " of " value["values", "nsinit", 1], value["values", "nsinit", 3] == value["values", "nsinit", 1])
}

function print_targets(    i, k, row, other) {
	for (i = 1; i <= other_rows; i++)
		print others[i] > "machines.new"
	row = "| | target | here |"
	for (k = 1; k <= machine_count; k++)
		if (machines[k] != fact["machine"])
			row = row " " machines[k] " (nsinit " version_on[machines[k]] ") |"
	print row
	row = "| --- | --- | --- |"
	for (k = 1; k < machine_count; k++)
		row = row " --- |"
	print row
	for (i = 1; i <= target_count; i++) {
		row = "| " targets[i] " | " limit_of[targets[i]] " | " results[fact["machine"], targets[i]] " |"
		for (k = 1; k <= machine_count; k++)
			if (machines[k] != fact["machine"])
				row = row " " ((machines[k], targets[i]) in results ? results[machines[k], targets[i]] : "–") " |"
		print row
	}
	print ""
}

# --- where others are better ---

# One row for each of OURS that another contender beats by more than 2 %; a contender that does less is not counted.
function better(what, unit, ours, key, column, storm,    i, n, x, best, best_name) {
	ours_value = storm ? in_storm(ours, column) : value[key, ours, column]
	if (key == "signals")
		ours_value = value[key, ours, 0, column]
	if (key == "size")
		ours_value = size[ours]
	for (n in size_or_names)
		delete size_or_names[n]
	if (key == "size")
		for (n in size)
			size_or_names[n] = size[n]
	else
		for (i = 1; i <= count[key]; i++) {
			n = names[key, i]
			size_or_names[n] = storm ? in_storm(n, column) : key == "signals" ? value[key, n, 0, column] : value[key, n, column]
		}
	for (n in size_or_names) {
		x = size_or_names[n]
		if (n ~ /^(nsinit|COMMAND|the least)/ || x == "")
			continue
		if (best == "" || x + 0 < best + 0) {
			best = x
			best_name = n
		}
	}
	if (best != "" && best < ours_value * 0.98)
		rows_of_better[++better_count] = "| " what " | " figure(ours_value) unit " (" ours ") | " figure(best) unit " (" best_name ") |"
}

function print_better(    i) {
	line("## Where nsinit is not the best")
	better("size of the binary", " bytes", "nsinit", "size", 1)
	better("wakeups in an idle second", "", "nsinit", "idle", 4)
	better("CPU for each orphan in bursts", " µs", "nsinit", "storm", 2)
	better("CPU for each orphan in bursts", " µs", "nsinit -u", "storm", 2)
	better("CPU for each orphan, one at a time", " µs", "nsinit -u", "single", 2)
	better("signal, idle: median", " µs", "nsinit", "signals", 1)
	better("signal, idle: median", " µs", "nsinit -u", "signals", 1)
	better("signal, idle: 99th percentile", " µs", "nsinit", "signals", 2)
	better("signal in a storm of " makers ": median", " µs", "nsinit", "signals-growth", 1, 1)
	better("signal in a storm of " makers ": median", " µs", "nsinit -u", "signals-growth", 1, 1)
	better("signal in a storm of " makers ": 99th percentile", " µs", "nsinit", "signals-growth", 2, 1)
	better("signal in a storm of " makers ": 99th percentile", " µs", "nsinit -u", "signals-growth", 2, 1)
	if (!better_count) {
		line("In this run no other init was better than nsinit by more than 2 % in any figure.")
		return
	}
	line("Figures of this page in which another init was better by more than 2 % in this run:")
	print "| | nsinit | the best other one |"
	print "| --- | ---: | ---: |"
	for (i = 1; i <= better_count; i++)
		print rows_of_better[i]
	print ""
	line("tini and dumb-init are small files because they use the shared libc, which takes 1.2 MB while they run. `-u` forwards a signal through two processes, where the others need one." (fact["autogroup"] == 1 ? " dumb-init gives COMMAND a session of its own. On this machine no CPU control group is in use, and the kernel divides the processors among sessions (sched_autogroup_enabled): a storm in COMMAND's session leaves dumb-init its own share. In a container with a CPU control group dumb-init does not have that advantage." : "") " bwrap exits before the processes that COMMAND left are gone (see \"The end\").")
}

function print_window(    i, n) {
	if (!count["window"])
		return
	line("## The first moment")
	line("From the execve(2) of PID 1 until it blocks or handles TERM, the kernel discards that signal, and nobody can prevent this from inside ([window.c](window.c)). Each contender is sent " value["window", "nsinit", 2] " TERMs, one in each run, aimed evenly at the first 6 ms after its execve(2). The share that is lost is the mean length of that moment. \"The first instruction\" is a program that blocks all signals by its first system call, before its libc starts: no program can be faster. nsinit has nothing before its own first call but musl's start. dumb-init blocks signals early as well, but its child has an empty handler for each signal until it executes COMMAND, and what is forwarded before is lost.")
	print "| | TERMs lost | of | moment, µs | over nsinit |"
	print "| --- | ---: | ---: | ---: | ---: |"
	for (i = 1; i <= count["window"]; i++) {
		n = names["window", i]
		print "| " n " | " value["window", n, 1] " | " value["window", n, 2] " | " figure(value["window", n, 3]) " | " (value["window", "nsinit", 1] ? ratio(value["window", n, 1] / value["window", "nsinit", 1]) : "–") " |"
	}
	print ""
}

END {
	makers = number["signals-growth", numbers["signals-growth"]]
	line("# What nsinit costs, and what others cost")
	line("`make bench` writes this page and the charts, and takes less than 15 minutes on a quiet machine; `bench/run --quick` shows within a minute that it works. All contenders take turns within one run, pinned to one processor. Figures are medians. A ratio is the median of the ratios of the single rounds, so that other load on the machine hits both sides. **Ratios can be compared between machines, times cannot.** \"The least init\" ([least.c](least.c)) does only what every init has to do, and has no libc: it blocks signals, starts COMMAND, waits and exits. \"The least -u\" does the same in new namespaces. The ratio to them is what nsinit itself adds. \"In pairs\" means that only these two take turns; among all contenders nsinit finds colder caches, because larger programs ran before it. The ratio to tini-static depends on the machine, because glibc's start executes `cpuid` many times, which some hypervisors trap.")
	print "| | |"
	print "| --- | --- |"
	print "| kernel | " fact["kernel"] " |"
	print "| processor | " fact["processor"] " |"
	print "| costs | " figure(cost["system call"]) " µs a system call, " figure(cost["page fault"]) " µs a page fault, " figure(cost["cpuid"]) " µs a `cpuid`, " figure(cost["vfork"]) " µs a vfork(2), " figure(cost["fork"]) " µs a fork(2) |"
	print "| locale | " fact["locale"] " |"
	print "| nsinit | " fact["nsinit"] " |"
	print "| built by | " fact["compiler"] (fact["libc"] == "" ? "" : "; " fact["libc"]) " |"
	line("| others | " fact["peers"] " |")
	if (fact["quick"] != "0")
		line("**This was a quick run. It shows that the benchmark works; its figures mean little.**")

	line("## Targets")
	line("The targets of nsinit, and what was measured here and on other machines (`machines.tsv` keeps their results). **missed** marks a target that was not met.")
	set_targets()
	print_targets()
	print_better()

	line("What keeps the start above its target was measured once on an AMD EPYC, by leaving one step out at a time, and the signalfd alone (2,000 paired runs; medians of 150 µs for the least init and 196 µs for nsinit). A program of nsinit's size that does only what the least init does takes 1.08 times its time, so that 1.12 leaves 6 µs for everything else. Opening `/dev/tty`, which finds the terminal, takes 5 µs; closing the files that COMMAND must not find in nsinit takes 5 µs, and the gate at which COMMAND waits for that 4 µs; the signalfd about 2 µs; COMMAND's pidfd 2 µs; and a dozen other system calls 0.3 µs each. Each of them belongs to a promise. On an Intel Xeon, in 1,500 pairs, nsinit took 1.25 to 1.29 times the time of the least init, and 1.14 times without all of these at once: an nsinit that opens no terminal, closes no file, uses vfork(2), has no pidfd, and only waits for COMMAND. So even that would miss 1.12. Between a signal and its delivery nsinit makes three system calls more than tini: poll(2), because the kernel reaps and COMMAND's end is reported by a pidfd, costs about 2 µs, and getpgid(2), which finds a COMMAND that has left its group, about 1 µs.")
	line("## Start-up")
	line("![Start-up](startup.svg)")
	line("From the init's execve(2) until a COMMAND that does nothing has run and the init has been reaped; the part until COMMAND's first instruction; processor time and minor page faults of all the processes together; system calls of the init before COMMAND's execve(2).")
	print "| | µs | 10th to 90th percentile | until COMMAND, µs | CPU, µs | faults | calls | over the least | over tini-static | over unshare |"
	print "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
	for (i = 1; i <= count["start"]; i++) {
		n = names["start", i]
		least = n ~ /(-u|unshare.*|bwrap)$/ ? "the least -u" : "the least init"
		print "| " n " | " figure(value["start", n, 1]) " | " figure(value["start", n, 2]) " to " figure(value["start", n, 3]) " | " figure(value["start", n, 5]) " | " figure(value["start", n, 6]) " | " value["start", n, 4] " | " figure(calls[n]) " | " ratio(whole["start", n, least]) " | " ratio(whole["start", n, "tini-static"]) " | " ratio(whole["start", n, "unshare"]) " |"
	}
	print ""
	line("As PID 1 of a container, whose namespaces exist already:")
	print "| | µs | 10th to 90th percentile | until COMMAND, µs | CPU, µs | faults | over the least | over tini-static |"
	print "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
	for (i = 1; i <= count["start-pid1"]; i++) {
		n = names["start-pid1", i]
		print "| " n " | " figure(value["start-pid1", n, 1]) " | " figure(value["start-pid1", n, 2]) " to " figure(value["start-pid1", n, 3]) " | " figure(value["start-pid1", n, 5]) " | " figure(value["start-pid1", n, 6]) " | " value["start-pid1", n, 4] " | " ratio(whole["start-pid1", n, "the least init"]) " | " ratio(whole["start-pid1", n, "tini-static"]) " |"
	}
	print ""

	print_window()
	line("## Size and memory")
	line("![Size and resident memory](size.svg)")
	print "| | binary, bytes | resident while idle, kB | of all its processes | wakeups in a second |"
	print "| --- | ---: | ---: | ---: | ---: |"
	for (i = 1; i <= count["idle"]; i++) {
		n = names["idle", i]
		bytes = n == "nsinit -u" ? size["nsinit"] : n == "unshare + tini-static" ? size["unshare"] + size["tini-static"] : size[n]
		print "| " n " | " bytes " | " value["idle", n, 1] " | " value["idle", n, 2] (value["idle", n, 3] > 1 ? " (" value["idle", n, 3] " processes)" : "") " | " value["idle", n, 4] " |"
	}
	print ""

	line("## arm64")
	line("[bench/arm64](arm64) counts in a virtual machine with Debian's kernel " arm64_kernel ": minor page faults of all the processes together, system calls from the init's execve(2) to COMMAND's, and what is resident while idle, for each process. It is emulated, so its times mean nothing. nsinit's binary has " arm64["size", "nsinit"] " bytes there.")
	print "| | faults | calls | resident, kB |"
	print "| --- | ---: | ---: | ---: |"
	split("COMMAND alone:the least init:nsinit:the least -u:nsinit -u", arm64_names, ":")
	for (i = 1; i <= 5; i++) {
		n = arm64_names[i]
		print "| " n " | " figure(arm64["faults", n]) " | " figure(arm64["calls", n]) " | " figure(arm64["idle", n]) " |"
	}
	print ""

	line("## Orphans")
	line("![CPU for each orphan](orphans.svg)")
	line("The init's own CPU time for each orphan and how often one woke it: in bursts of 100, and for daemons that fork twice, one at a time. Zombies are those of the namespace at their peak, in bursts of 100, with everything on one processor. They include children whose parent has not exited yet.")
	print "| | burst: µs | wakeups | wall µs | one at a time: µs | wakeups | wall µs | zombies |"
	print "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
	for (i = 1; i <= count["storm"]; i++) {
		n = names["storm", i]
		print "| " n " | " figure(value["storm", n, 2]) " | " figure(value["storm", n, 3] / value["storm", n, 1]) " | " figure(value["storm", n, 5]) " | " figure(value["single", n, 2]) " | " figure(value["single", n, 3] / value["single", n, 1]) " | " figure(value["single", n, 5]) " | " figure(value["zombies", n, 6]) " |"
	}
	print ""

	line("## Signals")
	line("![Signals](signals.svg)")
	line("From kill(2) to COMMAND's handler, in µs: while everything is idle, on one processor; and on all processors in a storm that " makers " processes make, each in bursts of 100 orphans. There COMMAND and the sender have a realtime priority, so that the time is the init's alone. \"COMMAND alone\" is a kill(2) of COMMAND itself, and no init can be faster. The init's CPU time is for one signal while idle. unshare and bwrap forward no signals.")
	print "| | idle: median | 99 % | init's CPU | in a storm: median | 99 % | values kept |"
	print "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
	for (i = 1; i <= count["signals"]; i++) {
		n = names["signals", i]
		print "| " n " | " figure(value["signals", n, 0, 1]) " | " figure(value["signals", n, 0, 2]) " | " figure(value["signals", n, 0, 3]) " | " figure(in_storm(n, 1)) " | " figure(in_storm(n, 2)) " | " (("values", n) in known_name ? value["values", n, 3] " of " value["values", n, 1] : "–") " |"
	}
	print ""
	line("The 99th percentile, in µs, by the number of processes that make the storm:")
	growth("signals-growth", 2, "processes")

	line("## The end")
	line("![The end](end.svg)")
	line("From COMMAND's end to the init's, in ms, by the number of processes that COMMAND leaves behind. `-t 10` lets each of them end by TERM; the others are killed with their namespace.")
	growth("end", 1, "left behind", 1)
	line("Until the last of them is gone, in ms:")
	growth("end", 2, "left behind", 1)

	line("## A million")
	line("How time and memory grow. The slope is the exponent between the last two columns: 1.00 is linear, a lower value means that fixed costs prevail, and a higher one that the cost grows faster than the number. A figure is missing if its measurement would take too long, or if the machine does not allow that number.")
	line("Orphans, made by vfork(2) in bursts of 100: the init's CPU time in ms, and kB resident afterwards:")
	growth("grows-orphans", 1, "orphans", 1)
	growth("grows-orphans-memory", 1, "kB after")
	line("Realtime signals with a value, of which at most 1,000 are pending at a time: ms for all, and how many arrived in order and with their value:")
	growth("grows-values", 1, "signals", 1)
	growth("grows-values-kept", 1, "values kept")
	line("![Levels](levels.svg)")
	line("Nested levels, each with its own PID and mount namespace: µs for the whole run. Each level adds a PID number to every process below it, and the kernel releases one more. 32 levels are the kernel's limit, and the first one is the machine's own.")
	growth("grows-levels", 1, "levels", 1)
	line("![Mounts](mounts.svg)")
	line("More mounts on the host: µs for the whole run. A new mount namespace copies them all.")
	growth("grows-mounts", 1, "mounts", 1)
	line("Open files that are inherited: µs for the whole run. COMMAND inherits them all, and the kernel copies and closes its table, too.")
	growth("grows-files", 1, "files", 1)
	line("The same in ms in the emulated machine of [bench/arm64](arm64), where a million files may be open. These times can only be compared with each other.")
	growth("grows-files-arm64", 1, "files", 1)
	line("The environment, in bytes: µs for the whole run, and kB resident while idle of all its processes. The kernel copies it for each execve(2), and it stays on the stack of the process.")
	growth("grows-environment", 1, "bytes", 1)
	growth("grows-environment-memory", 1, "kB resident")
}
