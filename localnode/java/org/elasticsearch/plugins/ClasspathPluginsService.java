package org.elasticsearch.plugins;

import java.lang.reflect.Constructor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.function.Supplier;

import org.elasticsearch.Build;
import org.elasticsearch.action.admin.cluster.node.info.PluginsAndModules;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;

/**
 * Plugins that are classes on the application's class path: no folder of modules, no descriptors. It lives in
 * this package because what it overrides does.
 */
public final class ClasspathPluginsService extends PluginsService {
    private final List<LoadedPlugin> loaded = new ArrayList<>();

    public ClasspathPluginsService(Settings settings, Environment environment, PluginsLoader none, List<Class<? extends Plugin>> classes) {
        super(settings, environment.configDir(), none);
        Path config = environment.configDir();
        for (Class<? extends Plugin> type : classes) {
            Plugin plugin = loadPlugin(type, settings, config);
            loaded.add(new LoadedPlugin(descriptor(type.getName()), plugin, ClasspathPluginsService.class.getClassLoader()));
        }
        loadExtensions(loaded);
    }

    private static PluginDescriptor descriptor(String name) {
        return new PluginDescriptor(
            name, "of the class path", "1", Build.current().version(), "21", name, null, List.of(), false, false, true, false,
            PluginDescriptor.DeploymentTarget.ALL
        );
    }

    @Override
    protected List<LoadedPlugin> plugins() {
        return loaded == null ? List.of() : loaded; // the constructor above this one may call it
    }

    @Override
    public PluginsAndModules info() {
        return new PluginsAndModules(List.of(), loaded.stream().map(LoadedPlugin::descriptor).toList());
    }

    @Override
    public <T> List<? extends T> loadServiceProviders(Class<T> service) {
        Map<Class<?>, T> byType = new LinkedHashMap<>();
        ServiceLoader.load(service, getClass().getClassLoader()).stream().forEach(
            provider -> byType.computeIfAbsent(provider.type(), type -> provided(service, type, provider)));
        return List.copyOf(byType.values());
    }

    /** A provider may want the plugin that it belongs to. */
    private <T> T provided(Class<T> service, Class<?> type, Supplier<T> otherwise) {
        for (LoadedPlugin plugin : plugins()) {
            for (Constructor<?> constructor : type.getConstructors()) {
                Class<?>[] wanted = constructor.getParameterTypes();
                if (wanted.length == 1 && wanted[0].isInstance(plugin.instance())) {
                    try {
                        return service.cast(constructor.newInstance(plugin.instance()));
                    } catch (ReflectiveOperationException e) {
                        throw new IllegalStateException(e);
                    }
                }
            }
        }
        return otherwise.get();
    }

    @Override
    public <T> T loadSingletonServiceProvider(Class<T> service, Supplier<T> fallback) {
        List<? extends T> all = loadServiceProviders(service);
        return all.isEmpty() ? fallback.get() : all.get(0);
    }
}
