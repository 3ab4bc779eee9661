package localnode;

import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionRequest;
import org.elasticsearch.action.ActionRequestValidationException;
import org.elasticsearch.action.ActionRunnable;
import org.elasticsearch.action.support.master.AcknowledgedResponse;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.common.unit.ByteSizeValue;
import org.elasticsearch.common.xcontent.support.XContentMapValues;
import org.elasticsearch.core.CheckedConsumer;
import org.elasticsearch.ingest.IngestStats;
import org.elasticsearch.license.License;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestRequest.Method;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.action.RestToXContentListener;
import org.elasticsearch.xcontent.ToXContentObject;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xpack.core.action.util.ExpandedIdsMatcher;
import org.elasticsearch.xpack.core.action.util.QueryPage;
import org.elasticsearch.xpack.core.ml.MlConfigVersion;
import org.elasticsearch.xpack.core.ml.action.CreateTrainedModelAssignmentAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsStatsAction;
import org.elasticsearch.xpack.core.ml.action.GetTrainedModelsStatsAction.Response.TrainedModelStats;
import org.elasticsearch.xpack.core.ml.action.InferModelAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelDefinitionPartAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelVocabularyAction;
import org.elasticsearch.xpack.core.ml.action.StartTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.action.StopTrainedModelDeploymentAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelInput;
import org.elasticsearch.xpack.core.ml.inference.assignment.AllocationStatus;
import org.elasticsearch.xpack.core.ml.inference.assignment.AssignmentStats;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.NlpConfig;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.TrainedModelSizeStats;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;

/**
 * The paths below _ml/trained_models. As on the real server, what creates or uses a model wants the licence;
 * looking, stopping and deleting do not.
 */
final class TrainedModelsHandlers {
    private static final String ALL = "/_ml/trained_models", ONE = ALL + "/{model_id}", DEPLOYMENT = ONE + "/deployment";

    /** What is left to do when a request is parsed; done away from the thread that reads the network. */
    private interface Work extends CheckedConsumer<ActionListener<ToXContentObject>, Exception> {}

    private interface Reader {
        Work read(RestRequest request, String id) throws IOException;
    }

    private final Deployments deployments;
    private final StoredModels models;

    TrainedModelsHandlers(Deployments deployments) {
        this.deployments = deployments;
        this.models = deployments.models;
    }

    Collection<RestHandler> all() {
        return List.of(
            handler(Method.PUT, this::create, ONE),
            handler(Method.PUT, this::part, ONE + "/definition/{part}"),
            handler(Method.PUT, this::vocabulary, ONE + "/vocabulary"),
            handler(Method.POST, this::start, DEPLOYMENT + "/_start"),
            handler(Method.POST, this::stop, DEPLOYMENT + "/_stop"),
            handler(Method.POST, this::infer, ONE + "/_infer"),
            handler(Method.GET, this::stats, ALL + "/_stats", ONE + "/_stats"),
            handler(Method.GET, this::get, ALL, ONE),
            handler(Method.DELETE, this::delete, ONE)
        );
    }

    private Work create(RestRequest request, String id) throws IOException {
        PutTrainedModelAction.Request asked;
        try (XContentParser parser = request.contentParser()) {
            asked = valid(PutTrainedModelAction.Request.parseRequest(
                id, request.paramAsBoolean("defer_definition_decompression", false),
                request.paramAsBoolean("wait_for_completion", false), parser));
        }
        return listener -> {
            TrainedModelsPlugin.requireLicence();
            TrainedModelConfig given = asked.getTrainedModelConfig();
            TrainedModelConfig config = new TrainedModelConfig.Builder(given).setVersion(MlConfigVersion.CURRENT)
                .setCreateTime(Instant.now())
                .setCreatedBy("api_user")
                .setLicenseLevel(License.OperationMode.PLATINUM.description())
                .setLocation(given.getModelType().getDefaultLocation(id))
                .build();
            models.create(config);
            listener.onResponse(new PutTrainedModelAction.Response(config));
        };
    }

    private Work part(RestRequest request, String id) throws IOException {
        PutTrainedModelDefinitionPartAction.Request asked;
        try (XContentParser parser = request.contentParser()) {
            asked = valid(PutTrainedModelDefinitionPartAction.Request.parseRequest(id, request.paramAsInt("part", -1), parser));
        }
        return listener -> {
            TrainedModelsPlugin.requireLicence();
            models.part(asked);
            listener.onResponse(AcknowledgedResponse.TRUE);
        };
    }

    private Work vocabulary(RestRequest request, String id) throws IOException {
        PutTrainedModelVocabularyAction.Request asked;
        try (XContentParser parser = request.contentParser()) {
            asked = valid(PutTrainedModelVocabularyAction.Request.parseRequest(id, parser));
        }
        return listener -> {
            TrainedModelsPlugin.requireLicence();
            if (models.config(id).getInferenceConfig() instanceof NlpConfig config) config.getTokenization().validateVocabulary(asked);
            models.vocabulary(asked);
            listener.onResponse(AcknowledgedResponse.TRUE);
        };
    }

    private Work start(RestRequest request, String id) throws IOException {
        StartTrainedModelDeploymentAction.Request asked = valid(startRequest(request, id));
        return listener -> {
            TrainedModelsPlugin.requireLicence();
            deployments.start(asked, listener.map(CreateTrainedModelAssignmentAction.Response::new));
        };
    }

    private static StartTrainedModelDeploymentAction.Request startRequest(RestRequest request, String id) throws IOException {
        String deployment = request.param("deployment_id", id);
        if (request.hasContent()) {
            try (XContentParser parser = request.contentParser()) {
                return StartTrainedModelDeploymentAction.Request.parseRequest(id, deployment, parser);
            }
        }
        var asked = new StartTrainedModelDeploymentAction.Request(id, deployment);
        asked.setTimeout(request.paramAsTime("timeout", asked.getTimeout()));
        asked.setWaitForState(AllocationStatus.State.fromString(request.param("wait_for", asked.getWaitForState().toString())));
        asked.setThreadsPerAllocation(request.paramAsInt("threads_per_allocation", asked.getThreadsPerAllocation()));
        asked.setQueueCapacity(request.paramAsInt("queue_capacity", asked.getQueueCapacity()));
        asked.setPriority(request.param("priority", asked.getPriority().toString()));
        if (request.hasParam("number_of_allocations")) asked.setNumberOfAllocations(request.paramAsInt("number_of_allocations", 1));
        if (request.hasParam("cache_size")) {
            asked.setCacheSize(ByteSizeValue.parseBytesSizeValue(request.param("cache_size"), "cache_size"));
        }
        return asked;
    }

    private Work stop(RestRequest request, String id) throws IOException {
        StopTrainedModelDeploymentAction.Request asked = stopRequest(request, id);
        return listener -> {
            boolean known = models.ids().contains(id) && deployments.stop(id);
            if (known == false && asked.isAllowNoMatch() == false) throw ExceptionsHelper.missingModelDeployment(id);
            listener.onResponse(new StopTrainedModelDeploymentAction.Response(true));
        };
    }

    private static StopTrainedModelDeploymentAction.Request stopRequest(RestRequest request, String id) throws IOException {
        if (request.hasContent()) {
            try (XContentParser parser = request.contentParser()) {
                return StopTrainedModelDeploymentAction.Request.parseRequest(id, parser);
            }
        }
        var asked = new StopTrainedModelDeploymentAction.Request(id);
        asked.setAllowNoMatch(request.paramAsBoolean("allow_no_match", asked.isAllowNoMatch()));
        asked.setForce(request.paramAsBoolean("force", asked.isForce()));
        asked.setFinishPendingWork(request.paramAsBoolean("finish_pending_work", asked.shouldFinishPendingWork()));
        return asked;
    }

    private Work infer(RestRequest request, String id) throws IOException {
        InferModelAction.Request asked;
        try (XContentParser parser = request.contentParser()) {
            InferModelAction.Request.Builder builder = InferModelAction.Request.parseRequest(id, parser);
            if (request.hasParam("timeout")) builder.setInferenceTimeout(request.paramAsTime("timeout", null));
            asked = valid(builder.build());
        }
        return listener -> {
            TrainedModelInput input = models.config(id).getInput();
            TrainedModelsPlugin.requireLicence();
            List<String> texts = new ArrayList<>();
            for (Map<String, Object> document : asked.getObjectsToInfer()) texts.add(text(document, input.getFieldNames().get(0)));
            deployments.infer(id, texts, asked.getInferenceTimeout(), listener.map(response -> response));
        };
    }

    private static String text(Map<String, Object> document, String field) {
        Object value = XContentMapValues.extractValue(field, document);
        if (value == null) {
            throw ExceptionsHelper.badRequestException("Input field [{}] does not exist in the source document", field);
        }
        if (value instanceof String text) return text;
        throw ExceptionsHelper.badRequestException("Input value [{}] for field [{}] must be a string", value, field);
    }

    private Work get(RestRequest request, String id) {
        List.of("tags", "from", "size").forEach(request::param);
        for (String included : request.paramAsStringArray("include", new String[0])) request.params().put(included, "true");
        boolean allowNone = request.paramAsBoolean("allow_no_match", true);
        return listener -> {
            List<TrainedModelConfig> found = new ArrayList<>();
            for (String one : expanded(id, allowNone)) {
                TrainedModelConfig config = models.config(one);
                config.setFullDefinition(models.definitionIsComplete(one)); // shown where it is asked for
                found.add(config);
            }
            listener.onResponse(new GetTrainedModelsAction.Response(
                new QueryPage<>(found, found.size(), GetTrainedModelsAction.Response.RESULTS_FIELD)));
        };
    }

    private Work stats(RestRequest request, String id) {
        List.of("from", "size").forEach(request::param);
        boolean allowNone = request.paramAsBoolean("allow_no_match", true);
        return listener -> {
            List<TrainedModelStats> found = new ArrayList<>();
            for (String one : expanded(id, allowNone)) found.add(statsOf(one));
            listener.onResponse(new GetTrainedModelsStatsAction.Response(
                new QueryPage<>(found, found.size(), GetTrainedModelsStatsAction.Response.RESULTS_FIELD)));
        };
    }

    private TrainedModelStats statsOf(String id) throws IOException {
        AssignmentStats deployment = deployments.stats(id);
        long bytes = models.length(id);
        long memory = bytes == 0 ? 0 : StartTrainedModelDeploymentAction.estimateMemoryUsageBytes(id, bytes, 0, 0, 1);
        return new TrainedModelStats(
            id, new TrainedModelSizeStats(bytes, memory), IngestStats.IDENTITY, 0,
            deployment == null ? null : deployment.getOverallInferenceStats(), deployment);
    }

    private Work delete(RestRequest request, String id) {
        boolean force = request.paramAsBoolean("force", false);
        request.param("timeout");
        return listener -> {
            if (models.deployment(id).isPresent() && force == false) {
                throw new ElasticsearchStatusException(
                    "Cannot delete model [{}] as it is currently deployed; use force to delete the model", RestStatus.CONFLICT, id);
            }
            deployments.stop(id);
            models.delete(id);
            listener.onResponse(AcknowledgedResponse.TRUE);
        };
    }

    private List<String> expanded(String expression, boolean allowNone) throws IOException {
        String[] tokens = ExpandedIdsMatcher.tokenizeExpression(expression);
        ExpandedIdsMatcher matcher = new ExpandedIdsMatcher(tokens, allowNone);
        List<String> found = models.ids().stream().filter(id -> new ExpandedIdsMatcher(tokens, true).idMatches(id)).toList();
        matcher.filterMatchedIds(found);
        if (matcher.hasUnmatchedIds()) {
            throw ExceptionsHelper.missingTrainedModel(matcher.unmatchedIdsString());
        }
        return found;
    }

    private static <R extends ActionRequest> R valid(R request) {
        ActionRequestValidationException wrong = request.validate();
        if (wrong != null) throw wrong;
        return request;
    }

    private static RestHandler handler(Method method, Reader reader, String... paths) {
        return new BaseRestHandler() {
            @Override
            public String getName() {
                return "trained_models_" + method + paths[0];
            }

            @Override
            public List<Route> routes() {
                return Arrays.stream(paths).map(path -> new Route(method, path)).toList();
            }

            @Override
            protected Set<String> responseParams() {
                return Set.of(TrainedModelConfig.DECOMPRESS_DEFINITION, TrainedModelConfig.DEFINITION_STATUS, "exclude_generated");
            }

            @Override
            protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) throws IOException {
                Work work = reader.read(request, request.param("model_id"));
                return channel -> client.threadPool().generic().execute(
                    ActionRunnable.wrap(new RestToXContentListener<ToXContentObject>(channel), work));
            }
        };
    }
}
