"""Target pods of all kinds, as an API server would hand them out, for everything that turns a target into a clone."""

from __future__ import annotations

from typing import Any

Pod = dict[str, Any]

IMAGE = "ghcr.io/prism/proxy:v1.2.3"
HARDENED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "capabilities": {"drop": ["ALL"]},
}
TOKEN_VOLUME = {
    "name": "kube-api-access-x7k2p",
    "projected": {
        "defaultMode": 420,
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {
                "downwardAPI": {
                    "items": [
                        {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}},
                    ]
                }
            },
        ],
    },
}
TOKEN_MOUNT = {
    "name": "kube-api-access-x7k2p",
    "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
    "readOnly": True,
}
PROBE = {"httpGet": {"path": "/healthz", "port": 9090, "scheme": "HTTP"}, "periodSeconds": 10, "failureThreshold": 3}


def container(name: str = "proxy", **fields: Any) -> Pod:
    """Return a container as it comes back from an API server, with its defaults."""
    return {
        "name": name,
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        **fields,
    }


def pod(*containers: Pod, name: str = "prism-proxy-pod", metadata: Pod | None = None, **spec: Any) -> Pod:
    """Return a running pod as it comes back from an API server, with its defaults and the token volume."""
    mounted = [
        {**item, "volumeMounts": [*item.get("volumeMounts", []), dict(TOKEN_MOUNT)]}
        for item in containers or (container(),)
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "prism",
            "uid": "6f1c4a3e-8a62-4e27-9a44-1a9e5f9d2c11",
            "resourceVersion": "4711",
            "creationTimestamp": "2026-01-01T10:00:00Z",
            "labels": {"app": "prism-proxy", "pod-template-hash": "6d4cf56db6"},
            "managedFields": [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {}}}],
            **(metadata or {}),
        },
        "spec": {
            "dnsPolicy": "ClusterFirst",
            "enableServiceLinks": True,
            "nodeName": "worker-3",
            "preemptionPolicy": "PreemptLowerPriority",
            "priority": 0,
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "serviceAccount": "default",
            "serviceAccountName": "default",
            "terminationGracePeriodSeconds": 30,
            "tolerations": [
                {
                    "key": "node.kubernetes.io/not-ready",
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": 300,
                },
                {
                    "key": "node.kubernetes.io/unreachable",
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": 300,
                },
            ],
            **spec,
            "containers": mounted,
            "volumes": [*spec.get("volumes", []), TOKEN_VOLUME],
        },
        "status": {"phase": "Running", "qosClass": "BestEffort", "podIP": "10.1.2.3"},
    }


def _mounted(*volumes: Pod, path: str = "/data", **fields: Any) -> Pod:
    """Return a pod whose container mounts each of the volumes."""
    mounts = [{"name": volume["name"], "mountPath": f"{path}-{volume['name']}"} for volume in volumes]
    return pod(container(volumeMounts=mounts, **fields), volumes=list(volumes))


def _env(*entries: Pod, **fields: Any) -> Pod:
    return pod(container(env=list(entries), **fields))


def _literal(name: str, value: str) -> Pod:
    return {"name": name, "value": value}


def _reference(variable: str, field: str, /, **reference: Any) -> Pod:
    return {"name": variable, "valueFrom": {field: reference}}


def _secured(context: Pod, **pod_context: Any) -> Pod:
    return pod(container(securityContext=context), securityContext=pod_context)


PLAIN: dict[str, Pod] = {
    "hardened": pod(
        container(
            securityContext=HARDENED,
            env=[_literal("RUST_LOG", "info")],
            ports=[
                {"name": "grpc", "containerPort": 8980, "protocol": "TCP"},
                {"name": "metrics", "containerPort": 9090, "protocol": "TCP"},
            ],
        )
    ),
    "bare minimum": {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "bare", "namespace": "prism"},
        "spec": {"containers": [{"name": "proxy", "image": "prism/proxy"}]},
    },
    "nulls of a file": {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "nulls", "namespace": "prism", "labels": None, "annotations": None},
        "spec": {
            "volumes": None,
            "initContainers": None,
            "securityContext": None,
            "containers": [
                {
                    "name": "proxy",
                    "image": "prism/proxy",
                    "env": None,
                    "resources": None,
                    "volumeMounts": None,
                    "ports": None,
                },
            ],
        },
    },
    "name of 253 characters": pod(name="p" * 253, metadata={"generateName": "p" * 248}),
    "terminal escapes": {
        **pod(
            metadata={
                "annotations": {"note": "\x1b]0;owned\x07\x1b[2J", "ünïcode": "\u202eright to left"},
                "labels": {"app": "x"},
            }
        ),
        "status": {"phase": "Failed", "message": "\x1b[31mred\x1b]52;c;cm0gLXJmIH4=\x07"},
    },
    "working directory": pod(
        container(
            workingDir="/srv/app", command=["/app/server"], args=["--port", "80"], stdin=True, stdinOnce=True, tty=True
        )
    ),
    "terminating": pod(metadata={"deletionTimestamp": "2026-01-01T11:00:00Z", "deletionGracePeriodSeconds": 30}),
}

CONTAINERS: dict[str, Pod] = {
    "native sidecar": pod(
        initContainers=[
            container(
                "logs", restartPolicy="Always", startupProbe=PROBE, lifecycle={"preStop": {"sleep": {"seconds": 5}}}
            ),
            container("migrate", command=["/app/migrate"], env=[_literal("DB_PASSWORD", "hunter2hunter2")]),
        ]
    ),
    "istio": pod(
        container(),
        container(
            "istio-proxy",
            image="docker.io/istio/proxyv2:1.22",
            securityContext={"runAsUser": 1337, "privileged": False},
        ),
        metadata={"annotations": {"sidecar.istio.io/status": "{}", "prometheus.io/scrape": "true"}},
        initContainers=[
            container("istio-init", securityContext={"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}})
        ],
        volumes=[
            {
                "name": "istio-token",
                "projected": {"sources": [{"serviceAccountToken": {"path": "t", "audience": "istio-ca"}}]},
            }
        ],
    ),
    "linkerd": pod(
        container(),
        initContainers=[
            container("linkerd-proxy", restartPolicy="Always", image="cr.l5d.io/linkerd/proxy:edge"),
            container("linkerd-init", securityContext={"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}),
        ],
        metadata={"annotations": {"linkerd.io/inject": "enabled"}},
    ),
    "twelve containers": pod(container(), *(container(f"c{number}", livenessProbe=PROBE) for number in range(11))),
    "ephemeral containers": {
        **pod(
            ephemeralContainers=[
                {"name": "debugger-x", "image": "busybox", "targetContainerName": "proxy", "stdin": True}
            ]
        ),
    },
    "probes of all kinds": pod(
        container(
            livenessProbe={"exec": {"command": ["/app/alive"]}},
            readinessProbe={"grpc": {"port": 8980, "service": ""}},
            startupProbe={"tcpSocket": {"port": 8980}, "failureThreshold": 30},
        )
    ),
    "lifecycle": pod(
        container(
            lifecycle={
                "postStart": {"exec": {"command": ["/app/register"]}},
                "preStop": {"httpGet": {"path": "/drain", "port": 9090, "scheme": "HTTP"}},
            }
        )
    ),
    "host ports": pod(
        container(ports=[{"containerPort": 80, "hostPort": 80, "hostIP": "10.0.0.1", "protocol": "TCP"}])
    ),
    "restart rules": pod(
        container(
            restartPolicy="Never",
            restartPolicyRules=[{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}],
            resizePolicy=[{"resourceName": "cpu", "restartPolicy": "NotRequired"}],
        )
    ),
    "busybox is taken": pod(
        container("proxy", volumeMounts=[{"name": "kdebug-busybox", "mountPath": "/busybox"}]),
        container("kdebug-busybox"),
        volumes=[{"name": "kdebug-busybox", "emptyDir": {}}],
    ),
}

VALUES: dict[str, Pod] = {
    "config maps in env": _env(
        _reference("MODE", "configMapKeyRef", name="settings", key="mode"),
        _reference("EXTRA", "configMapKeyRef", name="extras", key="extra", optional=True),
        _reference("MUST", "configMapKeyRef", name="extras", key="must"),
        envFrom=[
            {"configMapRef": {"name": "settings"}},
            {"prefix": "X_", "configMapRef": {"name": "extras", "optional": True}},
        ],
    ),
    "secrets in env": _env(
        _reference("DB_PASSWORD", "secretKeyRef", name="db", key="password"),
        _reference("API_TOKEN", "secretKeyRef", name="api", key="token", optional=True),
        _literal("DB_URL", "postgres://app:$(DB_PASSWORD)@db/app"),
        envFrom=[{"secretRef": {"name": "api"}}, {"prefix": "DB_", "secretRef": {"name": "db"}}],
    ),
    "secret literals": _env(
        _literal("PASSWORD", "correct horse battery"),
        _literal("REDIS_URL", "redis://:s3cr3t@redis:6379/0"),
        _literal("DSN", "postgres://app:$(PASSWORD)@db/app$$x"),
        _literal("RUST_LOG", "debug"),
        _literal("TOKEN_FILE", "/var/run/token"),
        _literal("MAX_TOKENS", "4096"),
        args=["--api-key", "abcd1234efgh", "--verbose", "--password=letmein"],
        command=["/app/server"],
    ),
    "variables twice": _env(_literal("A", "1"), _literal("A", "2"), _literal("B", "$(A)"), _literal("EMPTY", "")),
    "downward API": pod(
        container(
            env=[
                _reference("POD_NAME", "fieldRef", apiVersion="v1", fieldPath="metadata.name"),
                _reference("NODE", "fieldRef", apiVersion="v1", fieldPath="spec.nodeName"),
                _reference("APP", "fieldRef", apiVersion="v1", fieldPath="metadata.labels['app']"),
                _reference("CPU", "resourceFieldRef", containerName="sidecar", resource="limits.cpu", divisor="1m"),
                _reference("MEMORY", "resourceFieldRef", resource="requests.memory", divisor="0"),
            ],
            volumeMounts=[
                {"name": "info", "mountPath": "/info"},
                {"name": "logs", "mountPath": "/logs", "subPathExpr": "$(POD_NAME)"},
                {"name": "logs", "mountPath": "/more", "subPathExpr": "$(FROM_SECRET)"},
            ],
            envFrom=[{"secretRef": {"name": "unknown"}}],
        ),
        container("sidecar"),
        volumes=[
            {
                "name": "info",
                "downwardAPI": {
                    "defaultMode": 420,
                    "items": [
                        {
                            "path": "cpu",
                            "resourceFieldRef": {"containerName": "sidecar", "resource": "limits.cpu", "divisor": "1m"},
                        },
                        {
                            "path": "labels",
                            "mode": 256,
                            "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.labels"},
                        },
                    ],
                },
            },
            {"name": "logs", "emptyDir": {}},
        ],
    ),
    "huge env": _env(*(_literal(f"VARIABLE_{number}", "x" * 200) for number in range(600))),
    "env from a file": _env(
        {"name": "FROM_FILE", "valueFrom": {"fileKeyRef": {"volumeName": "v", "path": "p", "key": "k"}}}
    ),
    "tokens": _env(
        _literal("GITHUB", "ghp_" + "a1B2" * 9),
        _literal("SESSION", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"),
        _literal("PEM", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"),
        _literal("GIT_COMMIT", "4f2c9d1e8b7a6f5d4c3b2a190817263544f2c9d1"),
    ),
}

VOLUMES: dict[str, Pod] = {
    "claims": _mounted(
        {"name": "state", "persistentVolumeClaim": {"claimName": "state-0"}},
        {
            "name": "scratch",
            "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {}}}},
        },
    ),
    "block device": pod(
        container(volumeDevices=[{"name": "raw", "devicePath": "/dev/raw0"}]),
        volumes=[{"name": "raw", "persistentVolumeClaim": {"claimName": "raw-0"}}],
    ),
    "csi": _mounted(
        {
            "name": "vault",
            "csi": {"driver": "secrets-store.csi.k8s.io", "readOnly": True, "volumeAttributes": {"a": "b"}},
        },
        {"name": "bucket", "csi": {"driver": "s3.csi.example.com", "nodePublishSecretRef": {"name": "bucket-keys"}}},
    ),
    "old network storage": _mounted(
        {"name": "nfs", "nfs": {"server": "10.0.0.9", "path": "/exports"}},
        {"name": "ceph", "cephfs": {"monitors": ["10.0.0.8"], "secretRef": {"name": "ceph"}}},
        {"name": "azure", "azureFile": {"secretName": "azure", "shareName": "share"}},
    ),
    "image volume": _mounted(
        {"name": "model", "image": {"reference": "registry.example/model:1", "pullPolicy": "IfNotPresent"}}
    ),
    "volume of tomorrow": _mounted({"name": "new", "quantumStorage": {"qubits": 5}}),
    "config map volumes": pod(
        container(
            volumeMounts=[
                {"name": "settings", "mountPath": "/etc/app"},
                {"name": "extras", "mountPath": "/etc/extra"},
                {"name": "file", "mountPath": "/etc/app.toml", "subPath": "app.toml", "readOnly": True},
                {"name": "named", "mountPath": "/etc/named"},
            ]
        ),
        volumes=[
            {"name": "settings", "configMap": {"name": "settings", "defaultMode": 420}},
            {"name": "extras", "configMap": {"name": "extras", "optional": True}},
            {"name": "file", "configMap": {"name": "single-file", "defaultMode": 288}},
            {"name": "named", "configMap": {"name": "named", "items": [{"key": "a", "path": "b/c", "mode": 256}]}},
        ],
    ),
    "secret volumes": pod(
        container(
            volumeMounts=[
                {"name": "tls", "mountPath": "/etc/tls", "readOnly": True},
                {"name": "whole", "mountPath": "/etc/whole"},
                {"name": "db", "mountPath": "/etc/db-password", "subPath": "password"},
            ]
        ),
        securityContext={"fsGroup": 65532, "fsGroupChangePolicy": "OnRootMismatch", "supplementalGroups": [4000]},
        volumes=[
            {
                "name": "tls",
                "secret": {
                    "secretName": "tls",
                    "defaultMode": 256,
                    "items": [{"key": "tls.crt", "path": "cert", "mode": 256}],
                },
            },
            {"name": "whole", "secret": {"secretName": "api"}},
            {"name": "db", "secret": {"secretName": "db", "defaultMode": 256}},
        ],
    ),
    "projected": pod(
        container(volumeMounts=[{"name": "all", "mountPath": "/all"}, {"name": "gone", "mountPath": "/gone"}]),
        volumes=[
            {
                "name": "all",
                "projected": {
                    "defaultMode": 288,
                    "sources": [
                        {"configMap": {"name": "settings"}},
                        {"configMap": {"name": "named", "items": [{"key": "a", "path": "a"}]}},
                        {"secret": {"name": "api", "items": [{"key": "token", "path": "api-token"}]}},
                        {"secret": {"name": "tls"}},
                        {"serviceAccountToken": {"path": "token", "audience": "vault"}},
                        {
                            "downwardAPI": {
                                "items": [
                                    {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}},
                                    {
                                        "path": "cpu",
                                        "resourceFieldRef": {"containerName": "gone", "resource": "limits.cpu"},
                                    },
                                ]
                            }
                        },
                    ],
                },
            },
            {
                "name": "gone",
                "projected": {
                    "sources": [{"clusterTrustBundle": {"name": "b", "path": "ca.pem"}}, {"secret": {"name": "tls"}}]
                },
            },
        ],
    ),
    "sub-paths": pod(
        container(
            volumeMounts=[
                {"name": "state", "mountPath": "/a", "subPath": "one"},
                {"name": "state", "mountPath": "/b", "subPath": "two/three", "readOnly": True},
                {"name": "missing", "mountPath": "/missing"},
            ]
        ),
        container("other", volumeMounts=[{"name": "others", "mountPath": "/others"}]),
        volumes=[
            {"name": "state", "persistentVolumeClaim": {"claimName": "state"}},
            {"name": "others", "persistentVolumeClaim": {"claimName": "others"}},
        ],
    ),
    "writable tmp": pod(
        container(securityContext=HARDENED, volumeMounts=[{"name": "tmp", "mountPath": "/tmp/"}]),
        volumes=[{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}],
    ),
    "tmp name is taken": pod(
        container(securityContext=HARDENED, volumeMounts=[{"name": "kdebug-tmp", "mountPath": "/cache"}]),
        volumes=[{"name": "kdebug-tmp", "emptyDir": {}}],
    ),
}

HOSTS: dict[str, Pod] = {
    "host paths": pod(
        container(
            securityContext={"privileged": True, "procMount": "Unmasked"},
            volumeMounts=[
                {"name": "root", "mountPath": "/host", "mountPropagation": "HostToContainer"},
                {"name": "run", "mountPath": "/run/containerd", "mountPropagation": "Bidirectional"},
            ],
        ),
        volumes=[
            {"name": "root", "hostPath": {"path": "/", "type": ""}},
            {"name": "run", "hostPath": {"path": "/run/containerd", "type": "Directory"}},
        ],
    ),
    "host namespaces": pod(
        container(ports=[{"containerPort": 9100, "hostPort": 9100, "protocol": "TCP"}]),
        hostNetwork=True,
        hostPID=True,
        hostIPC=True,
        shareProcessNamespace=False,
        dnsPolicy="ClusterFirstWithHostNet",
        tolerations=[{"operator": "Exists"}],
    ),
    "capabilities": _secured(
        {
            "capabilities": {"add": ["NET_BIND_SERVICE", "SYS_PTRACE"], "drop": ["ALL"]},
            "seccompProfile": {"type": "Unconfined"},
        }
    ),
    "root": _secured({"runAsUser": 0, "runAsNonRoot": False, "runAsGroup": 0}, runAsUser=0, runAsNonRoot=False),
    "own user": _secured({"runAsUser": 1000, "runAsGroup": 2000}, fsGroup=3000, supplementalGroups=[4000, 5000]),
    "pod's user": _secured({}, runAsUser=1001, runAsGroup=0, runAsNonRoot=True, supplementalGroupsPolicy="Strict"),
    "profiles": _secured(
        {
            "seLinuxOptions": {"level": "s0:c123,c456", "type": "spc_t"},
            "appArmorProfile": {"type": "Localhost", "localhostProfile": "k8s-own"},
            "seccompProfile": {"type": "Localhost", "localhostProfile": "profiles/audit.json"},
        },
        sysctls=[{"name": "net.core.somaxconn", "value": "1024"}],
        seLinuxOptions={"user": "system_u"},
        appArmorProfile={"type": "Unconfined"},
    ),
    "user namespace": pod(hostUsers=False, os={"name": "linux"}),
    "gpu": pod(
        container(
            resources={
                "limits": {"nvidia.com/gpu": "2", "cpu": "16", "memory": "64Gi", "ephemeral-storage": "10Gi"},
                "requests": {"nvidia.com/gpu": "2", "cpu": "8", "memory": "32Gi", "ephemeral-storage": "1Gi"},
            }
        ),
        runtimeClassName="nvidia",
        overhead={"cpu": "250m", "memory": "120Mi"},
    ),
    "huge pages": pod(
        container(
            resources={
                "limits": {"hugepages-2Mi": "100Mi", "memory": "100Mi", "cpu": "1500m"},
                "requests": {"hugepages-2Mi": "100Mi", "memory": "100Mi", "cpu": "0.05"},
            },
            volumeMounts=[{"name": "huge", "mountPath": "/hugepages"}],
        ),
        volumes=[{"name": "huge", "emptyDir": {"medium": "HugePages-2Mi"}}],
    ),
    "small": pod(
        container(resources={"limits": {"cpu": "50m", "memory": "64Mi"}, "requests": {"cpu": "10m", "memory": "8Mi"}})
    ),
    "odd quantities": pod(
        container(
            resources={"limits": {"cpu": "0", "memory": "1e9"}, "requests": {"cpu": "1e-2", "memory": "128974848000m"}}
        )
    ),
    "dynamic resources": pod(
        container(resources={"claims": [{"name": "gpu", "request": "big"}]}),
        resourceClaims=[
            {"name": "gpu", "resourceClaimTemplateName": "gpu-template"},
            {"name": "nic", "resourceClaimName": "nic-1"},
        ],
    ),
    "pod resources": pod(resources={"limits": {"cpu": "2", "memory": "4Gi"}}),
}

CLUSTER: dict[str, Pod] = {
    "scheduling": pod(
        nodeSelector={"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "disk": "ssd"},
        affinity={
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": "kubernetes.io/hostname"},
                ]
            }
        },
        topologySpreadConstraints=[{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
        schedulingGates=[{"name": "example.com/wait"}],
        readinessGates=[{"conditionType": "target-health.elbv2.k8s.aws/x"}],
        priorityClassName="system-cluster-critical",
        priority=2000000000,
    ),
    "names": pod(
        hostname="db-0",
        subdomain="db",
        setHostnameAsFQDN=True,
        hostAliases=[{"ip": "10.0.0.7", "hostnames": ["legacy"]}],
        dnsPolicy="None",
        dnsConfig={
            "nameservers": ["10.0.0.53"],
            "searches": [f"zone-{number}.example.com" for number in range(32)],
            "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
        },
    ),
    "long searches": pod(
        dnsConfig={"searches": [f"{'a' * 60}.{'b' * 60}.n{number}.example.com" for number in range(16)]}
    ),
    "aws identity": pod(
        container(
            env=[
                _literal("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app"),
                _literal("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"),
            ],
            volumeMounts=[
                {
                    "name": "aws-iam-token",
                    "mountPath": "/var/run/secrets/eks.amazonaws.com/serviceaccount",
                    "readOnly": True,
                },
            ],
        ),
        serviceAccountName="app",
        serviceAccount="app",
        volumes=[
            {
                "name": "aws-iam-token",
                "projected": {"sources": [{"serviceAccountToken": {"audience": "sts.amazonaws.com", "path": "token"}}]},
            }
        ],
    ),
    "azure identity": pod(
        metadata={"labels": {"azure.workload.identity/use": "true"}},
        serviceAccountName="app",
        automountServiceAccountToken=True,
    ),
    "pull secrets": pod(imagePullSecrets=[{"name": "registry"}, {"name": "other"}]),
    "pod of a job": pod(
        metadata={
            "finalizers": ["batch.kubernetes.io/job-tracking"],
            "ownerReferences": [
                {"apiVersion": "batch/v1", "kind": "Job", "name": "report", "uid": "u-1", "controller": True},
            ],
            "labels": {"batch.kubernetes.io/job-name": "report"},
        },
        restartPolicy="OnFailure",
        activeDeadlineSeconds=60,
    ),
    "pod of a stateful set": pod(
        container(volumeMounts=[{"name": "data", "mountPath": "/data"}]),
        name="db-0",
        hostname="db-0",
        subdomain="db",
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}}],
    ),
    "unknown fields": {
        **pod(
            container(cloudBurst={"region": "moon"}, securityContext={**HARDENED, "quantumSafe": True}),
            workloadRef={"name": "gang"},
            evictionMood="grumpy",
        ),
        "specV2": {"hello": "world"},
    },
}

TARGETS: dict[str, Pod] = {**PLAIN, **CONTAINERS, **VALUES, **VOLUMES, **HOSTS, **CLUSTER}
"""Name -> a target that can be cloned; its container is `proxy`."""

REFUSED: dict[str, Pod] = {
    "windows by os": pod(os={"name": "windows"}),
    "windows by node selector": pod(nodeSelector={"kubernetes.io/os": "windows"}),
    "windows by options": pod(container(securityContext={"windowsOptions": {"hostProcess": True}})),
    "windows by affinity": pod(
        affinity={
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["windows"]}]},
                    ]
                }
            }
        }
    ),
    "mirror": pod(
        metadata={"annotations": {"kubernetes.io/config.mirror": "abc", "kubernetes.io/config.source": "file"}}
    ),
    "owned by a node": pod(
        metadata={"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]}
    ),
    "no containers": {**pod(), "spec": {"containers": []}},
    "no spec": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "empty"}},
    "not a pod": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x"},
        "spec": {"containers": [{"name": "proxy"}]},
    },
    "other container": pod(container("nginx")),
}
"""Name -> what cannot be cloned with `proxy` as the container."""
