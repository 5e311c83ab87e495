// The timer that makes the turns of one scheduler. All that it does beside being a QTimer is to tell when it ends.
#include <QAbstractEventDispatcher>
#include <QCoreApplication>
#include <QThread>
#include <QTimer>

using Call = void (*)(void *data);

namespace {
// A child of the application, in its thread.
struct Turns final : QTimer {
    Turns(Call turn, Call end, void *data) : QTimer(qApp), end(end), data(data) {
        setSingleShot(true);
        setTimerType(Qt::PreciseTimer);
        callOnTimeout(this, [turn, data] { turn(data); });
    }
    // Called before anything of the timer goes.
    ~Turns() override { end(data); }

    Call end;
    void *data;
};

// The application calls it first of all when it ends: its event loop still takes what other threads post.
void endAll() {
    const auto children = qApp->children();
    for (QObject *child : children)
        if (auto turns = dynamic_cast<Turns *>(child))
            delete turns;
}
}

extern "C" {
// In any thread. One without an event dispatcher is not that of an application, and does not look at one that may be ending.
// A worker thread of Qt's with one has ended before the application does: Qt asks for that.
bool apscheduler_qt_is_here() noexcept {
    return QAbstractEventDispatcher::instance() && qApp && qApp->thread() == QThread::currentThread();
}

// In the thread of the application. It calls `turn` whenever its time has come, and `end` once.
Turns *apscheduler_qt_new(Call turn, Call end, void *data) noexcept {
    // It is in the list once.
    qRemovePostRoutine(endAll);
    qAddPostRoutine(endAll);
    return new Turns(turn, end, data);
}

// In the thread of the application.
void apscheduler_qt_start(Turns *turns, int milliseconds) noexcept { turns->start(milliseconds); }

// In any thread.
void apscheduler_qt_wake(Turns *turns) noexcept {
    QMetaObject::invokeMethod(turns, [turns] { turns->start(0); }, Qt::QueuedConnection);
}

// In the thread of the application. It ends when control is back in the event loop.
void apscheduler_qt_delete(Turns *turns) noexcept { turns->deleteLater(); }
}
