# Makes results.md of what bench/measure printed; each file is one table's worth.

BEGIN { FS = "\t" }

{ key = FILENAME; sub(/.*\//, "", key) }

key == "facts" { fact[$1] = $2; next }
$1 == "ratio" { ratio[key, $2, $3] = $4; calm[key, $2, $3] = $5; next }
key == "calls" { calls[$1] = $2; next }
key == "size" { size[$1] = $2; next }

# Anything else: what, name, values. Those that grow have their number in the name.
{
	name = $2
	at = 3
	if (key ~ /^(storm-growth|signals|signals-growth|end|levels|mounts)$/) {
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

function line(text) { print text; print "" }

# A figure as a reader wants it: three places are enough.
function figure(x) {
	if (x == "")
		return "–"
	if (x >= 100 || x == int(x))
		return sprintf("%.0f", x)
	return sprintf(x >= 10 ? "%.1f" : "%.2f", x)
}

# A signal's figure in the heaviest storm.
function in_storm(name, column) { return value["signals-growth", name, makers, column] }

function over(key, a, b) { return (key, a, b) in ratio ? sprintf("%.2f (%.2f)", ratio[key, a, b], calm[key, a, b]) : "–" }

# A table of those that grow, one column for each number.
function growth(key, column, head,    i, k, row) {
	row = "| " head " |"
	for (k = 1; k <= numbers[key]; k++)
		row = row " " number[key, k] " |"
	print row
	row = "| --- |"
	for (k = 1; k <= numbers[key]; k++)
		row = row " ---: |"
	print row
	for (i = 1; i <= count[key]; i++) {
		row = "| " names[key, i] " |"
		for (k = 1; k <= numbers[key]; k++)
			row = row " " figure(value[key, names[key, i], number[key, k], column]) " |"
		print row
	}
	print ""
}

function target(what, wanted, got, holds) {
	print "| " what " | " wanted " | " got " | " (holds == "" ? "–" : holds ? "yes" : "**no**") " |"
	if (holds != "" && !holds)
		missed++
}

function bound(what, got, most, unit) {
	target(what, most unit " or less", (got == "" ? "–" : figure(got) unit), got == "" ? "" : got <= most)
}

END {
	makers = number["signals-growth", numbers["signals-growth"]]
	line("# What nsinit costs, and what the others do")
	line("Written by `make bench` (see `bench/run` for what it needs). All contenders take turns in one run, pinned to one processor; figures are medians, and a ratio of start-up is the median of the ratios of one round each; in brackets that of the 10th percentiles, the runs that nothing else interrupted. What is promised is the former. Times depend on the machine and on what else it does, ratios much less.")
	print "| | |"
	print "| --- | --- |"
	print "| kernel | " fact["kernel"] " |"
	print "| processor | " fact["processor"] ", " fact["hypervisor"] " |"
	print "| load | " fact["load"] " (a quiet machine has less than 1) |"
	print "| locale | " fact["locale"] " |"
	print "| nsinit | " fact["nsinit"] " |"
	print "| built by | " fact["compiler"] (fact["libc"] == "" ? "" : "; " fact["libc"]) " |"
	line("| the others | " fact["peers"] " |")
	if (fact["quick"] != "0")
		line("**A short run: it shows that the benchmark works, and its figures say little.**")

	line("## What is promised, and whether it holds here")
	print "| | promised | measured | holds |"
	print "| --- | --- | --- | --- |"
	bound("whole run over tini-static's", ratio["start", "nsinit", "tini-static"], 0.40, "")
	bound("whole run of `-u` over that of `unshare --pid --fork --mount-proc`", ratio["start", "nsinit -u", "unshare"], 0.45, "")
	bound("the same over unshare with tini-static inside", ratio["start", "nsinit -u", "unshare + tini-static"], 0.31, "")
	bound("system calls before COMMAND runs", calls["nsinit"], 16, "")
	bound("size of the binary", size["nsinit"] / 1000, 40, " KB")
	bound("resident while idle", value["idle", "nsinit", 1], 48, " kB")
	bound("the same, each of the two processes of `-u`", value["idle", "nsinit -u", 2] / 2, 48, " kB")
	# The kernel reaps from 6.15 on.
	split(fact["kernel"], part, /[ .]/)
	kernel_reaps = part[2] > 6 || (part[2] == 6 && part[3] >= 15)
	if (kernel_reaps)
		target("CPU per orphan, and wakeups, as a container's PID 1 (Linux 6.15 and later)", "0, 0", figure(value["storm", "nsinit", 2]) " µs, " figure(value["storm", "nsinit", 3]), value["storm", "nsinit", 2] < 0.01 && value["storm", "nsinit", 3] < 1)
	bound("CPU per orphan where nsinit reaps (`-u`), over tini-static's", value["storm", "nsinit -u", 2] / value["storm", "tini-static", 2], 1.14, "")
	bound("zombies at their peak, storm on one processor, as PID 1", value["zombies", "nsinit", 6], 150, "")
	bound("99th percentile of a signal in a storm that " makers " processes make, as PID 1, over `tini -g`", in_storm("nsinit", 2) / in_storm("tini -g", 2), 0.25, "")
	target("values of realtime signals kept", "1000 of 1000", value["values", "nsinit", 3] " of " value["values", "nsinit", 1], value["values", "nsinit", 3] == value["values", "nsinit", 1])
	print ""
	line(missed ? missed " of these " (missed == 1 ? "does" : "do") " not hold in this run." : "All of these hold in this run.")

	line("## Start-up")
	line("![Start-up](startup.svg)")
	line("From the init's execve(2) until a COMMAND that does nothing has been run and the init reaped; minor page faults of all the processes together; system calls of the init up to COMMAND's execve(2).")
	print "| | µs | 10th to 90th percentile | minor faults | system calls | over tini-static | over unshare | over unshare + tini-static |"
	print "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
	for (i = 1; i <= count["start"]; i++) {
		n = names["start", i]
		print "| " n " | " figure(value["start", n, 1]) " | " figure(value["start", n, 2]) " to " figure(value["start", n, 3]) " | " value["start", n, 4] " | " figure(calls[n]) " | " over("start", n, "tini-static") " | " over("start", n, "unshare") " | " over("start", n, "unshare + tini-static") " |"
	}
	print ""
	line("As PID 1 of a container (the namespaces are there already):")
	print "| | µs | 10th to 90th percentile | minor faults | over tini-static |"
	print "| --- | ---: | ---: | ---: | ---: |"
	for (i = 1; i <= count["start-pid1"]; i++) {
		n = names["start-pid1", i]
		print "| " n " | " figure(value["start-pid1", n, 1]) " | " figure(value["start-pid1", n, 2]) " to " figure(value["start-pid1", n, 3]) " | " value["start-pid1", n, 4] " | " over("start-pid1", n, "tini-static") " |"
	}
	print ""

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

	line("## Orphans")
	line("![CPU per orphan](orphans.svg)")
	line("The init's own CPU time for each orphan, and how often each one woke it, in bursts of 100 and for daemons that fork twice, one at a time.")
	print "| | burst: µs | wakeups | wall µs | one at a time: µs | wakeups | wall µs |"
	print "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
	for (i = 1; i <= count["storm"]; i++) {
		n = names["storm", i]
		print "| " n " | " figure(value["storm", n, 2]) " | " figure(value["storm", n, 3] / value["storm", n, 1]) " | " figure(value["storm", n, 5]) " | " figure(value["single", n, 2]) " | " figure(value["single", n, 3] / value["single", n, 1]) " | " figure(value["single", n, 5]) " |"
	}
	print ""
	line("µs of the init's CPU for each, by the number of orphans:")
	growth("storm-growth", 1, "orphans")
	line("![Zombies at their peak](zombies.svg)")
	line("Zombies of the namespace at their peak, bursts of 100 and the init on one processor (those whose parent has yet to end are among them: 100 is what the storm itself makes):")
	print "| | zombies |"
	print "| --- | ---: |"
	for (i = 1; i <= count["zombies"]; i++)
		print "| " names["zombies", i] " | " figure(value["zombies", names["zombies", i], 6]) " |"
	print ""

	line("## Signals")
	line("![Signals](signals.svg)")
	line("µs from kill(2) to COMMAND's handler: idle, on one processor; and on all amid a storm that " makers " processes make, each in bursts of 100 orphans, where COMMAND and who sends have a realtime priority, so that no turn of theirs is waited for. \"the child alone\" is a kill(2) of COMMAND itself: no init can be below that. Realtime signals sent with a value, of which so many arrived with it. unshare and bwrap pass no signal on.")
	print "| | idle: median | 99 % | in a storm: median | 99 % | values kept |"
	print "| --- | ---: | ---: | ---: | ---: | ---: |"
	for (i = 1; i <= count["signals"]; i++) {
		n = names["signals", i]
		print "| " n " | " figure(value["signals", n, 0, 1]) " | " figure(value["signals", n, 0, 2]) " | " figure(in_storm(n, 1)) " | " figure(in_storm(n, 2)) " | " (("values", n) in known_name ? value["values", n, 3] " of " value["values", n, 1] : "–") " |"
	}
	print ""
	line("The 99th percentile, by how many make the storm. With one or two the processors are not at their limit, and what a signal waits for is mostly the kernel itself, which frees what the dead have left: nobody goes before that.")
	growth("signals-growth", 2, "processes")

	line("## The end")
	line("![The end](end.svg)")
	line("ms from COMMAND's end to that of the init, with so many processes left behind. `-t 10` lets each of them end by TERM, the others are killed with the namespace.")
	growth("end", 1, "left behind")
	line("ms until the last of them is gone:")
	growth("end", 2, "left behind")

	line("## Levels and mounts")
	line("![Levels](levels.svg)")
	line("µs of a whole run of the child that does nothing, so many namespaces deep:")
	growth("levels", 1, "levels")
	line("![Mounts](mounts.svg)")
	line("µs of a whole run, with so many more mounts on the host:")
	growth("mounts", 1, "mounts")
}
