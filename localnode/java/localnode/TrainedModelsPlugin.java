package localnode;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.Supplier;

import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.support.ActionFilters;
import org.elasticsearch.action.support.HandledTransportAction;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.injection.guice.Inject;
import org.elasticsearch.license.LicenseUtils;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.plugins.SearchPlugin;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.threadpool.ThreadPool;
import org.elasticsearch.transport.TransportService;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xpack.core.XPackField;
import org.elasticsearch.xpack.core.XPackPlugin;
import org.elasticsearch.xpack.core.ml.MachineLearningField;
import org.elasticsearch.xpack.core.ml.action.CoordinatedInferenceAction;
import org.elasticsearch.xpack.core.ml.action.InferModelAction;
import org.elasticsearch.xpack.core.ml.inference.MlInferenceNamedXContentProvider;
import org.elasticsearch.xpack.core.ml.vectors.TextEmbeddingQueryVectorBuilder;

/**
 * Trained models for text embedding, as far as this project uses them.
 *
 * <p>Real: every request is parsed and validated by x-pack-core's own classes, every answer is written by them,
 * the licence is x-pack's, and so is the query vector builder of a search. Stand-ins, since the module x-pack-ml
 * is on no registry: what is between request and answer (StoredModels for the index of models, Deployments for
 * the assignment to nodes, InferenceProcess for pytorch_inference) and with it the tokeniser, which is that of the
 * Python package `tokenizers`. The errors are worded as the real server's.
 */
public final class TrainedModelsPlugin extends Plugin implements ActionPlugin, SearchPlugin {
    private Deployments deployments;

    @Override
    public Collection<?> createComponents(PluginServices services) {
        Path home = Path.of(services.environment().settings().get("path.home"));
        String shared = System.getProperty("localnode.models");
        StoredModels models = new StoredModels(
            shared == null ? home.resolve("models") : Path.of(shared), services.xContentRegistry());
        deployments = new Deployments(models, services.clusterService(), services.threadPool(), home.resolve("inference"));
        services.threadPool().generic().execute(deployments::startAgain);
        return List.of(deployments);
    }

    @Override
    public void close() {
        if (deployments != null) deployments.close();
    }

    @Override
    public List<NamedXContentRegistry.Entry> getNamedXContent() {
        return new MlInferenceNamedXContentProvider().getNamedXContentParsers();
    }

    @Override
    public List<QueryVectorBuilderSpec<?>> getQueryVectorBuilders() {
        return List.of(new QueryVectorBuilderSpec<>(TextEmbeddingQueryVectorBuilder.NAME, TextEmbeddingQueryVectorBuilder::new,
            (parser, context) -> TextEmbeddingQueryVectorBuilder.PARSER.apply(parser, null)));
    }

    @Override
    public Collection<ActionHandler> getActions() {
        return List.of(new ActionHandler(CoordinatedInferenceAction.INSTANCE, SearchInference.class));
    }

    @Override
    public Collection<RestHandler> getRestHandlers(RestHandlersServices s, Supplier<DiscoveryNodes> n, Predicate<NodeFeature> f) {
        return new TrainedModelsHandlers(deployments).all();
    }

    static void requireLicence() {
        if (MachineLearningField.ML_API_FEATURE.check(XPackPlugin.getSharedLicenseState()) == false) {
            throw LicenseUtils.newComplianceException(XPackField.MACHINE_LEARNING);
        }
    }

    /** What a search asks for the embedding of its words. */
    public static final class SearchInference extends HandledTransportAction<CoordinatedInferenceAction.Request, InferModelAction.Response> {
        private final Deployments deployments;

        @Inject
        public SearchInference(TransportService transport, ActionFilters filters, ThreadPool threads, Deployments deployments) {
            super(CoordinatedInferenceAction.NAME, transport, filters, CoordinatedInferenceAction.Request::new, threads.generic());
            this.deployments = deployments;
        }

        @Override
        protected void doExecute(Task task, CoordinatedInferenceAction.Request request, ActionListener<InferModelAction.Response> listener) {
            ActionListener.run(listener, l -> {
                requireLicence();
                if (deployed(request.getModelId()) == false) {
                    throw new ElasticsearchStatusException(
                        "[{}] is not an inference service model or a deployed ml model", RestStatus.NOT_FOUND, request.getModelId());
                }
                deployments.infer(request.getModelId(), request.getInputs(), request.getInferenceTimeout(), l);
            });
        }

        private boolean deployed(String id) throws IOException {
            return deployments.models.ids().contains(id) && deployments.models.deployment(id).isPresent();
        }
    }
}
