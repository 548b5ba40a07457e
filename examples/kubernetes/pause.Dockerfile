# The sandbox image of a node, whose container holds the namespaces of each pod, made from nsinit:
#
#   docker build -t nsinit . && docker build -t localhost/pause:nsinit -f examples/kubernetes/pause.Dockerfile .
#   docker save localhost/pause:nsinit | ctr -n k8s.io images import -
#
# nsinit's option -P reaps the orphans of a pod that shares its PID namespace, until TERM or INT.
FROM scratch
COPY --from=nsinit /nsinit /nsinit
ENTRYPOINT ["/nsinit", "-P"]
