package localnode;

import java.time.Clock;
import java.time.Duration;

import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.xpack.core.XPackPlugin;

/** X-Pack by a clock that is -Dlocalnode.days_later=N days ahead: so a trial licence can be seen to end. */
public final class DatedXPackPlugin extends XPackPlugin {
    public DatedXPackPlugin(Settings settings) {
        super(settings);
    }

    @Override
    protected Clock getClock() {
        return Clock.offset(super.getClock(), Duration.ofDays(Long.getLong("localnode.days_later", 0)));
    }
}
