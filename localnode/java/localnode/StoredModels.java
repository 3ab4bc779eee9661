package localnode;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

import org.elasticsearch.ResourceAlreadyExistsException;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.common.bytes.BytesReference;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.core.IOUtils;
import org.elasticsearch.xcontent.NamedXContentRegistry;
import org.elasticsearch.xcontent.ToXContent;
import org.elasticsearch.xcontent.XContentParser;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xcontent.XContentType;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelDefinitionPartAction;
import org.elasticsearch.xpack.core.ml.action.PutTrainedModelVocabularyAction;
import org.elasticsearch.xpack.core.ml.inference.TrainedModelConfig;
import org.elasticsearch.xpack.core.ml.inference.assignment.TrainedModelAssignment;
import org.elasticsearch.xpack.core.ml.inference.trainedmodel.VocabularyConfig;
import org.elasticsearch.xpack.core.ml.job.messages.Messages;
import org.elasticsearch.xpack.core.ml.utils.ExceptionsHelper;
import org.elasticsearch.xpack.core.ml.utils.MlStrings;

/**
 * The models as they were uploaded, a folder for each: config.json, definition/0 and so on, length,
 * vocabulary.json, and deployment.json while it is deployed. The nodes of a cluster share it, which stands in
 * for Elasticsearch's index of models and for its cluster state: nothing is kept in memory, so every node
 * knows every model, also after a restart.
 */
final class StoredModels {
    private static final String CONFIG = "config.json", DEPLOYMENT = "deployment.json", VOCABULARY = "vocabulary.json",
        DEFINITION = "definition", LENGTH = "length";

    private final Path root;
    private final XContentParserConfiguration parsing;

    StoredModels(Path root, NamedXContentRegistry registry) {
        this.root = root;
        this.parsing = XContentParserConfiguration.EMPTY.withRegistry(registry);
    }

    Path folder(String id) {
        if (MlStrings.isValidId(id) == false || Files.exists(root.resolve(id).resolve(CONFIG)) == false) {
            throw ExceptionsHelper.missingTrainedModel(id);
        }
        return root.resolve(id);
    }

    List<String> ids() throws IOException {
        if (Files.exists(root) == false) return List.of();
        try (Stream<Path> found = Files.list(root)) {
            return found.filter(f -> Files.exists(f.resolve(CONFIG))).map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    void create(TrainedModelConfig config) throws IOException {
        Path folder = Files.createDirectories(root).resolve(config.getModelId());
        try {
            Files.createDirectory(folder);
        } catch (FileAlreadyExistsException e) {
            throw new ResourceAlreadyExistsException(
                Messages.getMessage(Messages.INFERENCE_TRAINED_MODEL_EXISTS, config.getModelId()));
        }
        write(folder.resolve(CONFIG), config);
    }

    TrainedModelConfig config(String id) throws IOException {
        try (XContentParser parser = parser(folder(id).resolve(CONFIG))) {
            return TrainedModelConfig.fromXContent(parser, true).build();
        }
    }

    void delete(String id) throws IOException {
        IOUtils.rm(folder(id));
    }

    void part(PutTrainedModelDefinitionPartAction.Request request) throws IOException {
        Path folder = folder(request.getModelId());
        Path parts = Files.createDirectories(folder.resolve(DEFINITION));
        write(parts.resolve(Integer.toString(request.getPart())), BytesReference.toBytes(request.getDefinition()));
        write(folder.resolve(LENGTH), Long.toString(request.getTotalDefinitionLength()).getBytes());
    }

    void vocabulary(PutTrainedModelVocabularyAction.Request request) throws IOException {
        ToXContent content = (b, p) -> b.stringListField("vocabulary", request.getVocabulary());
        write(folder(request.getModelId()).resolve(VOCABULARY), content);
    }

    /** How many bytes the definition has, by what its uploader said; 0 where no part of it is there. */
    long length(String id) throws IOException {
        Path file = folder(id).resolve(LENGTH);
        return Files.exists(file) ? Long.parseLong(Files.readString(file)) : 0;
    }

    boolean definitionIsComplete(String id) throws IOException {
        if (length(id) == 0) return false;
        long uploaded = 0;
        try (Stream<Path> parts = Files.list(folder(id).resolve(DEFINITION))) {
            for (Path part : parts.toList()) uploaded += Files.size(part);
        }
        return uploaded == length(id);
    }

    /** Refuses, as the real server does, a model that lacks parts of its definition or its vocabulary. */
    void requireComplete(String id) throws IOException {
        if (length(id) == 0) {
            throw new ResourceNotFoundException(Messages.getMessage(Messages.MODEL_DEFINITION_NOT_FOUND, id));
        }
        if (definitionIsComplete(id) == false) {
            throw ExceptionsHelper.conflictStatusException(Messages.getMessage(Messages.MODEL_DEFINITION_TRUNCATED, id));
        }
        if (Files.exists(folder(id).resolve(VOCABULARY)) == false) {
            throw new ResourceNotFoundException(Messages.getMessage(Messages.VOCABULARY_NOT_FOUND, id, VocabularyConfig.docId(id)));
        }
    }

    void deploy(TrainedModelAssignment assignment) throws IOException {
        write(folder(assignment.getModelId()).resolve(DEPLOYMENT), assignment);
    }

    void undeploy(String id) throws IOException {
        Files.deleteIfExists(folder(id).resolve(DEPLOYMENT));
    }

    Optional<TrainedModelAssignment> deployment(String id) throws IOException {
        Path file = folder(id).resolve(DEPLOYMENT);
        if (Files.exists(file) == false) return Optional.empty();
        try (XContentParser parser = parser(file)) {
            return Optional.of(TrainedModelAssignment.fromXContent(parser));
        }
    }

    private XContentParser parser(Path file) throws IOException {
        return XContentType.JSON.xContent().createParser(parsing, Files.readAllBytes(file));
    }

    private static void write(Path file, ToXContent content) throws IOException {
        write(file, BytesReference.toBytes(XContentHelper.toXContent(content, XContentType.JSON, ToXContent.EMPTY_PARAMS, false)));
    }

    /** A file is there whole or not at all: another node may read it at any moment. */
    private static void write(Path file, byte[] content) throws IOException {
        Path unfinished = Files.createTempFile(file.getParent().getParent(), null, null);
        Files.write(unfinished, content);
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    }
}
