package fhirnotify.hapi;

import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.IDaoRegistry;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.binstore.DatabaseBinaryContentStorageSvcImpl;
import ca.uhn.fhir.jpa.config.HibernatePropertiesProvider;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.r5.JpaR5Config;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.config.util.ResourceCountCacheUtil;
import ca.uhn.fhir.jpa.dao.FulltextSearchSvcImpl;
import ca.uhn.fhir.jpa.dao.IFulltextSearchSvc;
import ca.uhn.fhir.jpa.dao.search.HSearchSortHelperImpl;
import ca.uhn.fhir.jpa.dao.search.IHSearchSortHelper;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect;
import ca.uhn.fhir.jpa.provider.DaoRegistryResourceSupportedSvc;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.search.IStaleSearchDeletingSvc;
import ca.uhn.fhir.jpa.search.StaleSearchDeletingSvcImpl;
import ca.uhn.fhir.jpa.search.cache.DatabaseSearchCacheSvcImpl;
import ca.uhn.fhir.jpa.search.cache.ISearchCacheSvc;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.jpa.subscription.match.config.SubscriptionProcessorConfig;
import ca.uhn.fhir.jpa.subscription.match.deliver.email.IEmailSender;
import ca.uhn.fhir.jpa.subscription.submit.config.SubscriptionSubmitterConfig;
import ca.uhn.fhir.jpa.topic.SubscriptionTopicConfig;
import ca.uhn.fhir.jpa.util.ResourceCountCache;
import ca.uhn.fhir.narrative2.NullNarrativeGenerator;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.api.IResourceSupportedSvc;
import ca.uhn.fhir.rest.server.HardcodedServerAddressStrategy;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import jakarta.persistence.EntityManagerFactory;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.hibernate.boot.model.naming.CamelCaseToUnderscoresNamingStrategy;
import org.hibernate.dialect.Dialect;
import org.slf4j.LoggerFactory;
import org.springframework.aop.framework.AopProxyUtils;
import org.springframework.beans.factory.config.AutowireCapableBeanFactory;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.web.context.WebServerPortFileWriter;
import org.springframework.boot.web.servlet.ServletRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Primary;
import org.springframework.core.env.Environment;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;
import org.springframework.transaction.annotation.EnableTransactionManagement;

/**
 * A HAPI FHIR JPA server of one FHIR version, in memory, on loopback.
 *
 * <p>The defaults are those of HAPI's own starter project, so that it behaves as real deployments do. What a test
 * may want otherwise is a property:
 *
 * <pre>
 *   fhir.version                 R4 (default) or R5
 *   fhir.default-page-size       20
 *   fhir.max-page-size           none; a larger _count is clamped to it silently
 *   fhir.reuse-search-ms         60000: an equal search within this time is answered from the last one
 *   fhir.expire-search-ms        3600000: after this, and the time of reuse, the next page is 410 Gone: up to two
 *                                minutes later if this is not set, at most a tenth of it later if it is. Whoever
 *                                reads a page in the second half of the time is given ten minutes more
 *   fhir.external-references     false
 *   fhir.referential-integrity   true
 *   fhir.server-address          none: links name this address instead of the one that was asked
 *   harness.port-file            none: the port is written into this file once the server listens
 * </pre>
 *
 * and every server.* and spring.* property of Spring Boot.
 */
@Configuration
@EnableAutoConfiguration(excludeName = {
    "org.springframework.boot.autoconfigure.thymeleaf.ThymeleafAutoConfiguration",
    "org.springframework.boot.autoconfigure.quartz.QuartzAutoConfiguration",
    "org.springframework.boot.autoconfigure.elasticsearch.ElasticsearchRestClientAutoConfiguration"})
@EnableTransactionManagement
@Import({
    ThreadPoolFactoryConfig.class,
    JpaBatch2Config.class,
    Batch2JobsConfig.class,
    SubscriptionSubmitterConfig.class,
    SubscriptionProcessorConfig.class,
    SubscriptionChannelConfig.class,
    HapiServer.R4.class,
    HapiServer.R5.class})
public class HapiServer {

  private static final String PORT_FILE = "--harness.port-file=";

  public static void main(String[] args) {
    endWithStandardInput();
    SpringApplication app = new SpringApplication(HapiServer.class);
    for (String arg : args) {
      if (arg.startsWith(PORT_FILE)) app.addListeners(new WebServerPortFileWriter(arg.substring(PORT_FILE.length())));
    }
    app.setDefaultProperties(Map.of(
        "server.address", "127.0.0.1",
        "server.port", "0",
        "server.tomcat.relaxed-query-chars", "|",
        "spring.main.allow-circular-references", "true",
        "spring.main.banner-mode", "off",
        "spring.flyway.enabled", "false",
        "spring.datasource.url", "jdbc:h2:mem:hapi;DB_CLOSE_DELAY=-1",
        "spring.datasource.username", "sa",
        "spring.datasource.hikari.maximum-pool-size", "10",
        "logging.level.root", "warn"));
    app.run(args);
  }

  /** Whoever started this server holds a pipe to it. When the pipe ends, its owner is gone, and so are we. */
  private static void endWithStandardInput() {
    Thread watcher = new Thread(() -> {
      try {
        while (System.in.read() >= 0) {}
      } catch (java.io.IOException gone) {
        // as good as its end
      }
      Runtime.getRuntime().halt(0);
    }, "standard-input");
    watcher.setDaemon(true);
    watcher.start();
  }

  @Configuration
  @ConditionalOnProperty(name = "fhir.version", havingValue = "R4", matchIfMissing = true)
  @Import(JpaR4Config.class)
  static class R4 {}

  @Configuration
  @ConditionalOnProperty(name = "fhir.version", havingValue = "R5")
  @Import({JpaR5Config.class, SubscriptionTopicConfig.class})
  static class R5 {}

  @Bean
  IFulltextSearchSvc fullTextSearchSvc() { return new FulltextSearchSvcImpl(); }

  @Bean
  IStaleSearchDeletingSvc staleSearchDeletingSvc() { return new StaleSearchDeletingSvcImpl(); }

  @Bean
  IHSearchSortHelper searchSortHelper(ISearchParamRegistry registry) { return new HSearchSortHelperImpl(registry); }

  @Bean
  IResourceSupportedSvc resourceSupportedSvc(IDaoRegistry registry) { return new DaoRegistryResourceSupportedSvc(registry); }

  @Bean("myResourceCountsCache")
  ResourceCountCache resourceCountsCache(IFhirSystemDao<?, ?> dao) { return ResourceCountCacheUtil.newResourceCountCache(dao); }

  @Bean
  DatabaseBackedPagingProvider pagingProvider(Environment env) {
    DatabaseBackedPagingProvider paging = new DatabaseBackedPagingProvider();
    paging.setDefaultPageSize(env.getProperty("fhir.default-page-size", Integer.class, 20));
    paging.setMaximumPageSize(env.getProperty("fhir.max-page-size", Integer.class, Integer.MAX_VALUE));
    return paging;
  }

  @Bean
  JpaStorageSettings storageSettings(Environment env) {
    JpaStorageSettings s = new JpaStorageSettings();
    s.setReuseCachedSearchResultsForMillis(env.getProperty("fhir.reuse-search-ms", Long.class, 60_000L));
    s.setExpireSearchResultsAfterMillis(env.getProperty("fhir.expire-search-ms", Long.class, 3_600_000L));
    s.setSearchPreFetchThresholds(List.of(13, 503, 2003, -1));
    s.setAllowExternalReferences(env.getProperty("fhir.external-references", Boolean.class, false));
    s.setEnforceReferentialIntegrityOnWrite(env.getProperty("fhir.referential-integrity", Boolean.class, true));
    return s;
  }

  /**
   * Forgets searches as soon as they have expired. HAPI by itself looks for them once a minute and spares each for a
   * minute more, which is as nothing beside an hour, but not beside a lifetime of seconds.
   */
  @Bean(destroyMethod = "shutdownNow")
  @ConditionalOnProperty("fhir.expire-search-ms")
  ScheduledExecutorService punctualExpiry(
      ISearchCacheSvc searches, IStaleSearchDeletingSvc stale, JpaStorageSettings settings) {
    ((DatabaseSearchCacheSvcImpl) Objects.requireNonNullElse(AopProxyUtils.getSingletonTarget(searches), searches))
        .setCutoffSlackForUnitTest(0);
    ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
    long interval = Math.max(100, settings.getExpireSearchResultsAfterMillis() / 10);
    clock.scheduleWithFixedDelay(() -> {
      try {
        stale.pollForStaleSearchesAndDeleteThem();
      } catch (RuntimeException failed) {
        LoggerFactory.getLogger(HapiServer.class).warn("Expired searches could not be forgotten", failed);
      }
    }, interval, interval, TimeUnit.MILLISECONDS);
    return clock;
  }

  @Bean
  SubscriptionSettings subscriptionSettings() { return new SubscriptionSettings(); }

  @Bean
  PartitionSettings partitionSettings() { return new PartitionSettings(); }

  @Bean
  DatabaseBinaryContentStorageSvcImpl binaryStorageSvc() { return new DatabaseBinaryContentStorageSvcImpl(); }

  @Bean
  IEmailSender emailSender() { return details -> {}; }

  @Primary
  @Bean
  HibernatePropertiesProvider hibernatePropertiesProvider() {
    return new HibernatePropertiesProvider() {
      private final Dialect dialect = new HapiFhirH2Dialect();
      @Override public Dialect getDialect() { return dialect; }
    };
  }

  @Primary
  @Bean
  LocalContainerEntityManagerFactoryBean entityManagerFactory(
      DataSource dataSource, ConfigurableListableBeanFactory beans, FhirContext context, JpaStorageSettings settings) {
    LocalContainerEntityManagerFactoryBean factory =
        HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, context, settings);
    factory.setPersistenceUnitName("HAPI_PU");
    factory.setDataSource(dataSource);
    factory.setJpaPropertyMap(Map.of(
        "hibernate.dialect", HapiFhirH2Dialect.class.getName(),
        "hibernate.hbm2ddl.auto", "create",
        "hibernate.search.enabled", "false",
        "hibernate.archive.scanner", "org.hibernate.boot.archive.scan.internal.DisabledScanner",
        "hibernate.physical_naming_strategy", CamelCaseToUnderscoresNamingStrategy.class.getName(),
        "hibernate.implicit_naming_strategy", "org.springframework.boot.orm.jpa.hibernate.SpringImplicitNamingStrategy",
        "hibernate.jdbc.batch_size", "20",
        "hibernate.cache.use_query_cache", "false",
        "hibernate.cache.use_second_level_cache", "false"));
    return factory;
  }

  @Primary
  @Bean
  JpaTransactionManager transactionManager(EntityManagerFactory factory) { return new JpaTransactionManager(factory); }

  @Bean
  RestfulServer restfulServer(
      IFhirSystemDao<?, ?> systemDao, IJpaSystemProvider systemProvider, ResourceProviderFactory providers,
      JpaStorageSettings settings, ISearchParamRegistry searchParams, IValidationSupport validation,
      DatabaseBackedPagingProvider paging, Environment env) {
    RestfulServer server = new RestfulServer(systemDao.getContext());
    systemDao.getContext().setNarrativeGenerator(new NullNarrativeGenerator());
    server.registerProviders(providers.createProviders());
    server.registerProvider(systemProvider);
    server.setServerConformanceProvider(
        new JpaCapabilityStatementProvider(server, systemDao, settings, searchParams, validation));
    server.setPagingProvider(paging);
    server.setDefaultResponseEncoding(EncodingEnum.JSON);
    String address = env.getProperty("fhir.server-address");
    if (address != null) server.setServerAddressStrategy(new HardcodedServerAddressStrategy(address));
    return server;
  }

  @Bean
  ServletRegistrationBean<RestfulServer> servlet(RestfulServer server, AutowireCapableBeanFactory beans) {
    beans.autowireBean(server);
    ServletRegistrationBean<RestfulServer> registration = new ServletRegistrationBean<>(server, "/fhir/*");
    registration.setLoadOnStartup(1);
    return registration;
  }
}
