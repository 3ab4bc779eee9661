package localnode;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

import org.elasticsearch.ElasticsearchStatusException;
import org.elasticsearch.common.Strings;
import org.elasticsearch.common.util.concurrent.EsRejectedExecutionException;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.xcontent.XContentFactory;
import org.elasticsearch.xcontent.json.JsonXContent;
import org.elasticsearch.xpack.core.ml.action.StartTrainedModelDeploymentAction.TaskParams;
import org.elasticsearch.xpack.core.ml.inference.results.MlDenseEmbeddingResults;

/**
 * The Python process that computes what one deployed model computes (localnode/inference.py): a stand-in for
 * Elasticsearch's pytorch_inference. It is asked one text at a time, from a queue of the deployment's capacity,
 * and ends when this process does, since its standard input then ends.
 */
final class InferenceProcess {
    private static final String FULL = "inference process queue is full. Unable to execute command";

    /** What the statistics of a deployment tell of its process; the average is null before the first answer. */
    record Counts(long answered, Double averageMillis, int pending, int failed, int rejected, int timedOut, Instant lastAccess) {
        static final Counts NONE = new Counts(0, null, 0, 0, 0, 0, null);
    }

    final CompletableFuture<Void> ready = new CompletableFuture<>();

    private final AtomicLong answered = new AtomicLong(), nanos = new AtomicLong();
    private final AtomicInteger failed = new AtomicInteger(), rejected = new AtomicInteger(), timedOut = new AtomicInteger();
    private volatile Instant lastAccess;
    private final ThreadPoolExecutor worker;
    private final Process process;
    private final Writer questions;
    private final BufferedReader answers;
    private final Path pidFile;

    InferenceProcess(Path folder, TaskParams params, Path pidFile) throws IOException {
        this.pidFile = pidFile;
        process = new ProcessBuilder(
            System.getProperty("localnode.python"), "-P", System.getProperty("localnode.inference"), folder.toString(),
            Integer.toString(params.getThreadsPerAllocation())
        ).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        questions = process.outputWriter(StandardCharsets.UTF_8);
        answers = process.inputReader(StandardCharsets.UTF_8);
        Files.createDirectories(pidFile.getParent());
        Files.writeString(pidFile, Long.toString(process.pid()));
        worker = new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(params.getQueueCapacity()), work -> {
            Thread thread = new Thread(work, "inference-" + params.getModelId());
            thread.setDaemon(true);
            return thread;
        });
        worker.execute(this::load);
    }

    boolean alive() {
        return process.isAlive() && ready.isCompletedExceptionally() == false;
    }

    Counts counts() {
        long count = answered.get();
        int pending = worker.getQueue().size() + worker.getActiveCount();
        Double average = count == 0 ? null : nanos.get() / 1e6 / count;
        return new Counts(count, average, pending, failed.get(), rejected.get(), timedOut.get(), lastAccess);
    }

    void countTimeout() {
        timedOut.incrementAndGet();
    }

    /** The embedding of a text, some time later; at once a 429 where the queue is full. */
    CompletableFuture<MlDenseEmbeddingResults> embed(String text, String resultsField) {
        CompletableFuture<MlDenseEmbeddingResults> result = new CompletableFuture<>();
        try {
            worker.execute(() -> work(text, resultsField, result));
        } catch (RejectedExecutionException e) {
            rejected.incrementAndGet();
            result.completeExceptionally(new EsRejectedExecutionException(FULL, false));
        }
        return result;
    }

    /** End it; what still waits fails. */
    void stop() {
        process.destroyForcibly();
        for (Runnable waiting : worker.shutdownNow()) waiting.run();
        try {
            Files.deleteIfExists(pidFile);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void load() {
        try {
            if (answers.readLine() == null) throw died();
            ready.complete(null);
        } catch (Exception e) {
            ready.completeExceptionally(e);
        }
    }

    private void work(String text, String resultsField, CompletableFuture<MlDenseEmbeddingResults> result) {
        if (result.isDone()) return; // nobody waits for it any more
        long began = System.nanoTime();
        try {
            result.complete(results(ask(text), resultsField));
            answered.incrementAndGet();
            nanos.addAndGet(System.nanoTime() - began);
            lastAccess = Instant.now();
        } catch (Exception e) {
            failed.incrementAndGet();
            result.completeExceptionally(e);
        }
    }

    private Map<String, Object> ask(String text) throws IOException {
        String line;
        try {
            questions.write(Strings.toString(XContentFactory.jsonBuilder().startObject().field("text", text).endObject()));
            questions.write('\n');
            questions.flush();
            line = answers.readLine();
        } catch (IOException e) {
            throw died();
        }
        if (line == null) throw died();
        return XContentHelper.convertToMap(JsonXContent.jsonXContent, line, false);
    }

    private static MlDenseEmbeddingResults results(Map<String, Object> answer, String resultsField) {
        if (answer.get("error") instanceof String error) {
            throw new ElasticsearchStatusException(error, RestStatus.fromCode((Integer) answer.get("status")));
        }
        List<?> numbers = (List<?>) answer.get("vector");
        double[] vector = numbers.stream().mapToDouble(number -> ((Number) number).doubleValue()).toArray();
        return new MlDenseEmbeddingResults(resultsField, vector, (Boolean) answer.get("truncated"));
    }

    private static ElasticsearchStatusException died() {
        return new ElasticsearchStatusException("inference process died unexpectedly", RestStatus.INTERNAL_SERVER_ERROR);
    }
}
