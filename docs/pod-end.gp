# The time line of a pod's end. `make pictures` draws pod-end.svg from it.
set terminal svg size 760,300 dynamic font "sans-serif,12" background "#ffffff"
set output "docs/pod-end.svg"
unset border
unset tics
unset key
set margins 1, 1, 1, 1
set xrange [-7.5:32]
set yrange [-0.8:5.4]

set object 1 rect from 0,4 to 30,4.6 fc rgb "#f4f4f4" fs solid border rgb "#888888"
set object 2 rect from 0,3 to 5,3.6 fc rgb "#fff2c8" fs solid border rgb "#888888"
set object 3 rect from 5,2 to 25,2.6 fc rgb "#cfe8ff" fs solid border rgb "#888888"
set object 4 rect from 25,2 to 30,2.6 fc rgb "#ffffff" fs solid border rgb "#888888"
set object 5 rect from 0,1 to 12,1.6 fc rgb "#d8f0d8" fs solid border rgb "#888888"
set object 6 rect from 12,1 to 25,1.6 fc rgb "#f0e0d8" fs solid border rgb "#888888"

set label 1 "kubelet" at -7.2,4.3
set label 2 "preStop" at -7.2,3.3
set label 3 "nsinit" at -7.2,2.3
set label 4 "processes" at -7.2,1.3
set label 5 "terminationGracePeriodSeconds: 30" at 15,4.3 center
set label 6 "sleep 5" at 2.5,3.3 center
set label 7 "--grace 20" at 15,2.3 center
set label 8 "margin" at 27.5,2.3 center
set label 9 "COMMAND runs" at 6,1.3 center
set label 10 "what COMMAND has left" at 18.5,1.3 center

set arrow 1 from 5,5.1 to 5,2.65 lc rgb "#3070b0"
set label 11 "stop signal" at 5,5.25 center
set arrow 2 from 12,0.4 to 12,0.95 lc rgb "#3070b0"
set label 12 "COMMAND ends: TERM to the rest" at 12,0.1 center
set arrow 3 from 25,0.4 to 25,0.95 lc rgb "#b03030"
set label 13 "KILL by nsinit" at 25,0.1 center
set arrow 4 from 30,5.1 to 30,4.65 lc rgb "#b03030"
set label 14 "KILL by the runtime" at 31.5,5.25 right
set arrow 5 from 0,-0.35 to 31,-0.35 lc rgb "#888888"
set label 15 "0 s" at 0,-0.65 center
set label 16 "5 s" at 5,-0.65 center
set label 17 "25 s" at 25,-0.65 center
set label 18 "30 s" at 30,-0.65 center

plot NaN notitle
