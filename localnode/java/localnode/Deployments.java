package localnode;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import localnode.InferenceProcess.Counts;

import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ContextPreservingActionListener;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.inference.InferenceResults;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.xpack.core.ml.action.InferModelAction;
import org.elasticsearch.xpack.core.ml.action.StartTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.action.StartTrainedModelDeploymentAction.TaskParams;
import org.elasticsearch.xpack.core.ml.inference.assignment.AllocationStatus;
import org.elasticsearch.xpack.core.ml.inference.assignment.AssignmentState;
import org.elasticsearch.xpack.core.ml.inference.assignment.AssignmentStats;
import org.elasticsearch.xpack.core.ml.inference.assignment.RoutingInfo;
import org.elasticsearch.xpack.core.ml.inference.assignment.RoutingState;
import org.elasticsearch.xpack.core.ml.inference.assignment.TrainedModelAssignment;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.InferenceConfig;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/**
 * What is deployed, and the processes that compute it on this node. A stand-in for Elasticsearch's assignment of
 * deployments to nodes: every node that is asked starts a process of its own, so that any one can go.
 */
public final class Deployments {
    private static final Logger LOGGER = LogManager.getLogger(Deployments.class);

    private record Running(Instant since, InferenceProcess process) {}

    final StoredModels models;
    private final ClusterService cluster;
    private final ThreadPool threads;
    private final Path pidFiles;
    private final Map<String, Running> processes = new ConcurrentHashMap<>();

    Deployments(StoredModels models, ClusterService cluster, ThreadPool threads, Path pidFiles) {
        this.models = models;
        this.cluster = cluster;
        this.threads = threads;
        this.pidFiles = pidFiles;
    }

    /** What was deployed when the node stopped is started again. */
    void startAgain() {
        try {
            for (String id : models.ids()) {
                if (models.deployment(id).isPresent()) process(id);
            }
        } catch (Exception e) {
            LOGGER.warn("A deployment could not be started again", e);
        }
    }

    void start(StartTrainedModelDeploymentAction.Request request, ActionListener<TrainedModelAssignment> listener) throws IOException {
        String id = request.getModelId();
        if (id.equals(request.getDeploymentId()) == false) {
            throw ExceptionsHelper.badRequestException("the local node deploys a model once, under its own id");
        }
        models.requireComplete(id);
        if (models.deployment(id).isPresent()) {
            throw ExceptionsHelper.conflictStatusException("Cannot start deployment [{}] because it has already been started", id);
        }
        TrainedModelAssignment assignment = assignment(request);
        models.deploy(assignment);
        whenDone(process(id).ready, request.getTimeout(), listener.<Void>map(loaded -> assignment).delegateResponse((l, e) -> {
            undeploy(id);
            l.onFailure(e);
        }));
    }

    boolean stop(String id) throws IOException {
        boolean deployed = models.deployment(id).isPresent();
        undeploy(id);
        return deployed;
    }

    /** The embeddings of texts, in their order; any failure fails all, as on the real server. */
    void infer(String id, List<String> texts, TimeValue timeout, ActionListener<InferModelAction.Response> listener) throws IOException {
        InferenceProcess process = process(id);
        String given = models.config(id).getInferenceConfig().getResultsField();
        String field = given == null ? InferenceConfig.DEFAULT_RESULTS_FIELD : given;
        var results = texts.stream().map(text -> process.embed(text, field)).toList();
        var all = CompletableFuture.allOf(results.toArray(CompletableFuture[]::new));
        whenDone(all, timeout == null ? InferModelAction.Request.DEFAULT_TIMEOUT_FOR_API : timeout, listener.<Void>map(done -> {
            List<InferenceResults> found = List.copyOf(results.stream().map(CompletableFuture::join).toList());
            return new InferModelAction.Response(found, id, true);
        }).delegateResponse((l, e) -> {
            if (e instanceof ElasticsearchStatusException s && s.status() == RestStatus.REQUEST_TIMEOUT) process.countTimeout();
            results.forEach(result -> result.cancel(false));
            l.onFailure(e);
        }));
    }

    AssignmentStats stats(String id) throws IOException {
        TrainedModelAssignment assignment = models.deployment(id).orElse(null);
        if (assignment == null) return null;
        TaskParams params = assignment.getTaskParams();
        Running running = processes.get(id);
        boolean started = running == null || running.process.ready.isDone();
        var node = started ? startedNode(assignment, running == null ? Counts.NONE : running.process.counts())
            : AssignmentStats.NodeStats.forNotStartedState(cluster.localNode(), RoutingState.STARTING, null);
        int allocations = params.getNumberOfAllocations();
        return new AssignmentStats(
            id, id, params.getThreadsPerAllocation(), allocations, null, params.getQueueCapacity(), params.getCacheSize().orElse(null),
            assignment.getStartTime(), List.of(node), params.getPriority()
        ).setState(started ? AssignmentState.STARTED : AssignmentState.STARTING)
            .setAllocationStatus(new AllocationStatus(started ? allocations : 0, allocations));
    }

    void close() {
        processes.values().forEach(running -> running.process.stop());
    }

    /** The process of a deployed model, started if this node has none. Refuses what is not deployed. */
    private InferenceProcess process(String id) throws IOException {
        TrainedModelAssignment assignment = models.deployment(id).orElse(null);
        if (assignment == null) {
            end(id); // it may have been stopped by way of another node
            throw ExceptionsHelper.conflictStatusException(
                "Model [{}] must be deployed to use. Please deploy with the start trained model deployment API.", id);
        }
        synchronized (processes) {
            Running running = processes.get(id);
            boolean usable = running != null && running.process.alive() && running.since.equals(assignment.getStartTime());
            if (usable == false) {
                end(id);
                var process = new InferenceProcess(models.folder(id), assignment.getTaskParams(), pidFiles.resolve(id));
                running = new Running(assignment.getStartTime(), process);
                processes.put(id, running);
            }
            return running.process;
        }
    }

    private void undeploy(String id) {
        try {
            models.undeploy(id);
        } catch (IOException e) {
            LOGGER.warn("The deployment of [{}] could not be taken back", id, e);
        }
        end(id);
    }

    private void end(String id) {
        Running running = processes.remove(id);
        if (running != null) running.process.stop();
    }

    private TrainedModelAssignment assignment(StartTrainedModelDeploymentAction.Request request) throws IOException {
        String id = request.getModelId();
        int allocations = request.computeNumberOfAllocations();
        var params = new TaskParams(
            id, id, models.length(id), allocations, request.getThreadsPerAllocation(), request.getQueueCapacity(),
            request.getCacheSize(), request.getPriority(), 0, 0
        );
        return TrainedModelAssignment.Builder.empty(params, request.getAdaptiveAllocationsSettings())
            .setStartTime(Instant.now())
            .addRoutingEntry(cluster.localNode().getId(), new RoutingInfo(allocations, allocations, RoutingState.STARTED, ""))
            .calculateAndSetAssignmentState()
            .build();
    }

    private AssignmentStats.NodeStats startedNode(TrainedModelAssignment assignment, Counts counts) {
        TaskParams params = assignment.getTaskParams();
        return AssignmentStats.NodeStats.forStartedState(
            cluster.localNode(), counts.answered(), counts.averageMillis(), counts.averageMillis(), counts.pending(), counts.failed(), 0,
            counts.rejected(), counts.timedOut(), counts.lastAccess(), assignment.getStartTime(), params.getThreadsPerAllocation(),
            params.getNumberOfAllocations(), 0, 0, null, 0
        );
    }

    /** Tells the listener, with its own headers and away from the process's thread, when a future is done or late. */
    private <T> void whenDone(CompletableFuture<T> future, TimeValue timeout, ActionListener<T> listener) {
        var told = ContextPreservingActionListener.wrapPreservingContext(listener, threads.getThreadContext());
        future.copy().orTimeout(timeout.millis(), TimeUnit.MILLISECONDS).whenCompleteAsync((value, error) -> {
            if (error == null) {
                told.onResponse(value);
            } else {
                told.onFailure(cause(error, timeout));
            }
        }, threads.generic());
    }

    private static Exception cause(Throwable error, TimeValue timeout) {
        Throwable cause = error instanceof CompletionException && error.getCause() != null ? error.getCause() : error;
        if (cause instanceof TimeoutException) {
            return new ElasticsearchStatusException("timeout [{}] waiting for inference result", RestStatus.REQUEST_TIMEOUT, timeout);
        }
        return cause instanceof Exception known ? known : new RuntimeException(cause);
    }
}
