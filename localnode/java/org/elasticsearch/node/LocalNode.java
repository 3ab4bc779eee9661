package org.elasticsearch.node;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

import localnode.DatedXPackPlugin;
import localnode.RootPlugin;
import localnode.TrainedModelsPlugin;

import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.config.Configurator;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.plugins.ClasspathPluginsService;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.plugins.PluginsLoader;
import org.elasticsearch.plugins.PluginsService;
import org.elasticsearch.transport.netty4.Netty4Plugin;

/**
 * One Elasticsearch node from class-path jars. It lives in this package because Node's construction does.
 * Argument: the node's folder. Settings: -Des.set.KEY=VALUE. It ends when its standard input does, so that
 * no node outlives the process that started it.
 */
public final class LocalNode extends Node {
    private static final List<Class<? extends Plugin>> PLUGINS = List.of(
        Netty4Plugin.class, DatedXPackPlugin.class, RootPlugin.class, TrainedModelsPlugin.class);
    private static final String SETTING = "es.set.";

    private LocalNode(Environment environment) {
        super(NodeConstruction.prepareConstruction(
            environment, PluginsLoader.createPluginsLoader(Set.of(), Set.of(), Map.of(), false), new NodeServiceProvider() {
                @Override
                PluginsService newPluginService(Environment e, PluginsLoader none) {
                    return new ClasspathPluginsService(e.settings(), e, none, PLUGINS);
                }
            }, true));
    }

    public static void main(String[] args) throws Exception {
        LogConfigurator.setNodeName(System.getProperty(SETTING + "node.name", "local"));
        LogConfigurator.configureESLogging();
        Configurator.setRootLevel(Level.WARN);
        Path home = Files.createDirectories(Path.of(args[0])).toRealPath();
        LocalNode node = new LocalNode(InternalSettingsPreparer.prepareEnvironment(
            settings(home), Map.of(), Files.createDirectories(home.resolve("config")), () -> "local"));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
        node.start();
        System.in.transferTo(OutputStream.nullOutputStream());
        System.exit(0);
    }

    private static Settings settings(Path home) {
        Settings.Builder settings = Settings.builder()
            .put("path.home", home)
            .put("path.repo", home.resolve("repo"))
            .put("cluster.name", "local")
            .put("node.name", "local")
            .put("network.host", "127.0.0.1")
            .put("cluster.routing.allocation.disk.threshold_enabled", false);
        System.getProperties().forEach((key, value) -> {
            if (key.toString().startsWith(SETTING)) settings.put(key.toString().substring(SETTING.length()), value.toString());
        });
        return settings.build();
    }

    private static void close(Node node) {
        try {
            node.close();
        } catch (IOException e) {
            e.printStackTrace();
        }
    }
}
